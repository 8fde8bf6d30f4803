"""A bad command line, load, fault file or configuration: one clear line, exit 2, nothing started."""

import subprocess
import sys
from pathlib import Path

import pytest
from keiki_host import cli
from keiki_host.bench import run as bench_run

UNHEARD = " cannot be heard by clients on this host; use 127.0.0.2"

CASES = [
    (["--ic", "ade9000"], "keiki: ic: 'ade9000' is not one of bl0942, atm90e32, ade7953, cse7766"),
    (["--dialect", "bp99"], "keiki: dialect: 'bp99' is not one of bp35a1, bp35c2, rl7023ips, j11"),
    (["--profile", "gen3"], "keiki: config: profile: not one of gen1, gen2"),
    (["--start", "yesterday"], "keiki: start: 'yesterday' is neither 'now' nor an ISO 8601 time"),
    (["--start", "2300-01-01"], "keiki: start: year 2300 is not between 1971 and 2099"),
    (["--radio", "slow"], "keiki: radio: 'slow' is neither fast nor real"),
    (["--udp4", "127.0.0.1"], "keiki: udp4: a meter on 127.0.0.1" + UNHEARD),
    (["--udp4", "0.0.0.0"], "keiki: udp4: a meter on 0.0.0.0" + UNHEARD),
    (["--udp4", "meter"], "keiki: udp4: 'meter' is not an IPv4 address with room for 1 meters"),
    (["--udp6", "127.0.0.2"], "keiki: udp6: '127.0.0.2' is not an IPv6 address"),
    (["--udp6", "fd00::2", "--meters", "2"], "keiki: udp6: only one meter can have it; leave out --meters"),
    (["--truth", "/no/such/folder/t.csv"], "keiki: truth: /no/such/folder is not a folder"),
    (["--link", "/no/such/folder/port"], "keiki: link: /no/such/folder is not a folder"),
    (["--colour"], "keiki: No such option: --colour"),
]  # fmt: skip

CONFIGS = [
    ("unit = 5\n", "config: unit: not one of 0, 1, 2, 3, 4, 10, 11, 12, 13"),
    ('digits = "six"\n', "config: digits: not a whole number"),
    ("colour = 1\n", "config: colour: no such setting"),
    ("digits 6\n", "Expected '=' after a key in a key/value pair (at line 1, column 8)"),
]


def outcome(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Run the command in this process: (exit code, stdout, stderr)."""

    async def started(*_: object, **__: object) -> None:
        raise AssertionError("something was started")

    monkeypatch.setattr(bench_run, "run", started)
    monkeypatch.setattr(sys, "argv", ["keiki", "bench", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(("arguments", "line"), CASES, ids=[" ".join(case[0]) for case in CASES])
def test_a_bad_command_line_gets_one_line(
    arguments: list[str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(arguments, monkeypatch, capsys) == (2, "", line + "\n")


@pytest.mark.parametrize(
    ("option", "value"), [("--meters", "0"), ("--meters", "many"), ("--speed", "0"), ("--history", "101")]
)
def test_a_number_out_of_range_gets_one_line_that_names_it(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, error = outcome([option, value], monkeypatch, capsys)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert error.startswith(f"keiki: Invalid value for '{option}': ")


@pytest.mark.parametrize(("text", "line"), CONFIGS)
def test_a_bad_configuration_gets_one_line(
    text: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "meter.toml"
    path.write_text(text)
    code, out, error = outcome(["--config", str(path)], monkeypatch, capsys)
    assert (code, out) == (2, "")
    assert error.endswith(line + "\n") and error.count("\n") == 1


@pytest.mark.parametrize(
    ("load", "line"),
    [
        ("constant:lots", "load: "),
        ("constant:1000W@pf2", "load: "),
        ("castle", "load: "),
        ("/no/such/file.csv", "load: "),
    ],
)
def test_a_bad_load_gets_one_line(
    load: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, error = outcome(["--load", load], monkeypatch, capsys)
    assert (code, out) == (2, "")
    assert error.startswith("keiki: " + line) and error.count("\n") == 1


def test_a_bad_fault_file_gets_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nname = "no_answre"\n')
    code, out, error = outcome(["--faults", str(path)], monkeypatch, capsys)
    assert (code, out) == (2, "")
    assert "no_answre" in error and error.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["device"]])
def test_a_command_that_is_given_nothing_shows_its_help(arguments: list[str]) -> None:
    keiki = str(Path(sys.executable).parent / "keiki")
    done = subprocess.run([keiki, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "") and "Usage: keiki" in done.stdout


def test_help_reads_well_and_ends_with_success() -> None:
    for arguments in (["--help"], ["bench", "--help"], ["device", "events", "--help"]):
        done = subprocess.run(
            [str(Path(sys.executable).parent / "keiki"), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0 and "Usage: keiki" in done.stdout
