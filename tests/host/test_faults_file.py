"""The fault file: what it may say, and the one line that answers each mistake."""

from pathlib import Path
from typing import Any

import pytest
from keiki.wire import settings
from keiki_host.bench.faults import Entry, Faults
from keiki_host.bench.faults_catalogue import CATALOGUE, FaultKind, effective_params
from keiki_host.bench.faults_file import FaultFileError, load_faults, parse_faults

FULL = """
[[fault]]
name = "late_answer"
at = "2026-11-23T12:00:00+09:00"
for_s = 90
probability = 0.5
count = 3
meter = "keiki-1"
seconds = 15

[[fault]]
name = "no_data"
at_s = 30
epcs = [0xE7, 0xE8]
"""


def test_a_file_says_when_how_often_for_whom_and_what(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(FULL)
    assert load_faults(path, meters=("keiki-1",)) == [
        Entry(
            "late_answer",
            {"seconds": 15},
            at_utc_s=1_795_402_800,
            for_s=90,
            probability=0.5,
            count=3,
            meter="keiki-1",
        ),
        Entry("no_data", {"epcs": [0xE7, 0xE8]}, at_s=30),
    ]


def test_a_time_may_be_a_toml_date_time() -> None:
    (entry,) = parse_faults('[[fault]]\nname = "loss"\nat = 2026-11-23T03:00:00Z\n')
    assert entry.at_utc_s == 1_795_402_800


def test_a_file_without_faults_is_no_mistake() -> None:
    assert parse_faults("# nothing today\n") == []


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return str(list(value)) if isinstance(value, (list, tuple)) else str(value)


def _full_entry(kind: FaultKind) -> str:
    """Every parameter of a fault written out: its default, or the first value of its range."""
    lines = [f'[[fault]]\nname = "{kind.name}"']
    for param in kind.params:
        value = param.default
        if value is None:
            value = {"flag": False, "choice": (param.choices or (None,))[0]}.get(param.of, param.low)
        lines.append(f"{param.name} = {_written(value)}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE)
def test_a_file_may_name_every_fault_with_all_its_parameters(kind: FaultKind) -> None:
    (entry,) = parse_faults(_full_entry(kind))
    assert entry.name == kind.name
    assert set(entry.params) == {param.name for param in kind.params}
    faults = Faults()
    faults.enable(entry.name, **entry.params)
    assert faults.hit(entry.name) == effective_params(kind, entry.params)


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE)
def test_what_is_outside_the_range_of_a_parameter_is_refused(kind: FaultKind) -> None:
    for param in kind.params:
        wrong: list[Any] = ["nonsense", [[]], []]
        if param.high is not None and param.low is not None:
            wrong += [param.low - 1, param.high + 1]
        for value in wrong:
            text = f'[[fault]]\nname = "{kind.name}"\n{param.name} = {_written(value)}\n'
            with pytest.raises(FaultFileError) as error:
                parse_faults(text)
            line = str(error.value)
            assert line.startswith(
                f"faults: fault 1 ({kind.name}): {param.name}: must be {param.allowed}, not "
            )
            assert "\n" not in line


MISTAKES = [
    # what is in the file, the one line
    ("fault = 3", "fault: must be written as [[fault]]"),
    ("fault = [1]", "fault: must be written as [[fault]]"),
    ("[faults]", "faults: unknown; faults are written as [[fault]]"),
    ("[[fault]]\nat_s = 1", "fault 1: name: is missing"),
    ("[[fault]]\nname = 7", "fault 1: name: no fault is called 7"),
    ('[[fault]]\nname = "late"', "fault 1: name: no fault is called 'late'"),
    ('[[fault]]\nname = "loss"\n[[fault]]\nname = ""', "fault 2: name: no fault is called ''"),
    (
        '[[fault]]\nname = "late_answer"\nsecond = 4',
        "fault 1 (late_answer): second: unknown; late_answer takes seconds",
    ),
    ('[[fault]]\nname = "loss"\nseconds = 4', "fault 1 (loss): seconds: unknown; loss takes no parameters"),
    (
        '[[fault]]\nname = "loss"\nprobability = 1.5',
        "fault 1 (loss): probability: must be a number 0 to 1, not 1.5",
    ),
    (
        '[[fault]]\nname = "loss"\nprobability = nan',
        "fault 1 (loss): probability: must be a number 0 to 1, not nan",
    ),
    (
        '[[fault]]\nname = "loss"\nprobability = "0.5"',
        "fault 1 (loss): probability: must be a number 0 to 1, not '0.5'",
    ),
    (
        '[[fault]]\nname = "loss"\ncount = 0',
        "fault 1 (loss): count: must be a whole number, 1 or more, not 0",
    ),
    (
        '[[fault]]\nname = "loss"\ncount = 1.0',
        "fault 1 (loss): count: must be a whole number, 1 or more, not 1.0",
    ),
    (
        '[[fault]]\nname = "loss"\ncount = true',
        "fault 1 (loss): count: must be a whole number, 1 or more, not true",
    ),
    (
        '[[fault]]\nname = "loss"\nfor_s = 0',
        "fault 1 (loss): for_s: must be a number of seconds above 0, not 0",
    ),
    (
        '[[fault]]\nname = "loss"\nat_s = -1',
        "fault 1 (loss): at_s: must be a number of seconds, 0 or more, not -1",
    ),
    (
        '[[fault]]\nname = "loss"\nat_s = inf',
        "fault 1 (loss): at_s: must be a number of seconds, 0 or more, not inf",
    ),
    (
        '[[fault]]\nname = "loss"\nat = "noon"',
        "fault 1 (loss): at: must be a date and time such as 2026-11-23T12:00:00+09:00",
    ),
    (
        '[[fault]]\nname = "loss"\nat = 1795402800',
        "fault 1 (loss): at: must be a date and time such as 2026-11-23T12:00:00+09:00",
    ),
    (
        '[[fault]]\nname = "loss"\nat = "2026-11-23T12:00:00"',
        "fault 1 (loss): at: must say its offset, such as +09:00",
    ),
    (
        '[[fault]]\nname = "loss"\nat_s = 1\nat = 2026-11-23T12:00:00Z',
        "fault 1 (loss): at_s: cannot be together with at",
    ),
    (
        '[[fault]]\nname = "loss"\nmeter = 1',
        "fault 1 (loss): meter: must be the name of a meter in quotes, not 1",
    ),
    (
        '[[fault]]\nname = "loss"\nmeter = "keiki-9"',
        "fault 1 (loss): meter: no meter is called 'keiki-9'; there is keiki-1, keiki-2",
    ),
    (
        '[[fault]]\nname = "module_reset"\ncount = 2',
        "fault 1 (module_reset): count: has no meaning here, the fault happens once; use for_s",
    ),
    (
        '[[fault]]\nname = "midnight"\nat_s = 2',
        "fault 1 (midnight): at_s: has no meaning here, the fault is the start itself",
    ),
    (
        '[[fault]]\nname = "late_answer"\nseconds = 601',
        "fault 1 (late_answer): seconds: must be a number 0 to 600, not 601",
    ),
    (
        '[[fault]]\nname = "no_data"\nepcs = [0xE7, 0xE1]',
        "fault 1 (no_data): epcs: must be a list of 0xD0, 0xE0, 0xE2, 0xE3, 0xE4, 0xE7, 0xE8, 0xEA, 0xEB, "
        "0xEC, 0xEE, not 225",
    ),
    (
        '[[fault]]\nname = "meter_setting"\ndigits = 9',
        "fault 1 (meter_setting): digits: must be a whole number 1 to 8, not 9",
    ),
    (
        '[[fault]]\nname = "meter_setting"\ncoefficient = "none"',
        "fault 1 (meter_setting): coefficient: must be a whole number 0 to 999999 or \"absent\", not 'none'",
    ),
    (
        '[[fault]]\nname = "meter_setting"\nunit = true',
        "fault 1 (meter_setting): unit: must be one of 0x00, 0x01, 0x02, 0x03, 0x04, 0x0A, 0x0B, 0x0C, "
        "0x0D, not true",
    ),
]


@pytest.mark.parametrize(("text", "line"), MISTAKES)
def test_a_mistake_is_told_in_one_line(text: str, line: str) -> None:
    with pytest.raises(FaultFileError) as error:
        parse_faults(text, source="day.toml", meters=("keiki-1", "keiki-2"))
    assert str(error.value) == f"day.toml: {line}"


def test_a_meter_setting_that_sets_nothing_is_refused() -> None:
    live = ", ".join(
        field[0] for field in settings.fields() if field[4] == settings.LIVE and field[1] != "names"
    )
    with pytest.raises(FaultFileError) as error:
        parse_faults('[[fault]]\nname = "meter_setting"')
    assert str(error.value) == f"faults: fault 1 (meter_setting): {live}: one of these must be given"


def test_text_that_is_not_toml_is_told_with_its_place() -> None:
    with pytest.raises(FaultFileError) as error:
        parse_faults('[[fault]]\nname "loss"', source="day.toml")
    assert str(error.value).startswith("day.toml: not TOML: ")
    assert "line 2" in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.toml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(FaultFileError) as error:
            load_faults(path)
        assert str(error.value) == f"{path}: {reason}"
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# \xff")
    with pytest.raises(FaultFileError) as error:
        load_faults(path)
    assert str(error.value) == f"{path}: not UTF-8 text"
