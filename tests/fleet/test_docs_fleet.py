"""docs/fleet.md says what the program does; its commands run in test_small_fleet.py, with other numbers."""

import inspect
import re
import shlex
from pathlib import Path

import typer
from keiki_host.cli import app
from keiki_host.fleet.log import FleetLog
from keiki_host.fleet.outages import load_outages
from keiki_host.headend.command_import import Entry, read

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "fleet.md").read_text()
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose first row begins with `head`."""
    _, _, rest = TEXT.partition(f"\n| {head} |")
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in rest.split("\n\n")[0].splitlines()[2:]
    ]


def test_every_option_is_told_with_its_default() -> None:
    told = {word.strip("`"): default for names, _, default in rows("option") for word in names.split(", ")}
    options = {option.opts[0]: option.default for option in COMMANDS["fleet"].params}
    assert told.keys() == options.keys()
    for name in ("--meters", "--out", "--push-to", "--ports", "--seed", "--window"):
        assert told[name] == str(options[name]), name


def test_the_commands_are_those_of_the_program() -> None:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.splitlines()]
    for words in map(shlex.split, lines):
        if words[:2] == ["keiki", "fleet"]:
            COMMANDS["fleet"].make_context("fleet", words[2:]).close()
    assert [words for words in map(shlex.split, lines) if words[0] not in ("keiki", "mkdir")] == []


def test_the_file_of_meters_can_be_read_and_has_every_field(tmp_path: Path) -> None:
    path = tmp_path / "meters.json"
    path.write_text(re.findall(r"```json\n(.*?)```", TEXT, re.S)[0])
    path.chmod(0o600)
    (meter,) = read(path)
    assert meter.model_fields_set == Entry.model_fields.keys()


def test_the_outages_are_a_file_that_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "outages.toml"
    path.write_text(re.findall(r"```toml\n(.*?)```", TEXT, re.S)[0])
    (outage,) = load_outages(path)
    assert (outage.share, outage.at_h, outage.for_h) == (0.05, 10.0, 20.0)


def test_the_kinds_of_the_log_are_those_that_are_written(tmp_path: Path) -> None:
    told = {kind.strip("`"): text.split(":")[0] for kind, text in rows("kind")}
    log = FleetLog(tmp_path / "log.csv")
    for kind in told:
        method = getattr(log, kind)
        method(*range(len(inspect.signature(method).parameters)))
    log.close()
    for line in (tmp_path / "log.csv").read_text().splitlines():
        kind, *values = line.split(",")
        fields = re.sub(r"\(.*?\)|a push.*", "", told.pop(kind)).split(", ")
        assert len([field for field in fields if field.strip()]) == len(values), kind
    assert not told
