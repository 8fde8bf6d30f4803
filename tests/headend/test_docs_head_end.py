"""docs/head-end.md says what the code does: its tables, and the commands, which run."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from keiki_host.cli import main
from keiki_host.headend import command_options, commands, estimate, ingest, kpi, parties, rules
from keiki_host.headend.access import RIGHTS
from keiki_host.headend.command import SHARES
from keiki_host.headend.command_kinds import KINDS
from keiki_host.headend.values import Path as Way

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "head-end.md").read_text()


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose first row begins with `head`."""
    _, _, rest = TEXT.partition(f"\n| {head} |")
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_rules_are_those_of_the_code() -> None:
    told = [(int(number), name, quality) for number, name, quality, _ in rows("rule")]
    assert told == [(r, r.name.lower(), rules.MEANING[r][0].name.lower()) for r in rules.Rule]
    limits = rules.USUAL
    for said in (
        f"{limits.spike_percent} % of rating x {limits.voltage_v} V",
        f"for {limits.frozen_slots} half hours",
        f"over {limits.sum_wh} Wh off",
        f"over {limits.clock_s} s before its time",
        f"up to {estimate.SHORT_SLOTS} slots in a straight line",
        f"last {estimate.LIKE_DAYS} like days",
        f"the {estimate.BACK_DAYS} days before",
        f"more than {ingest.FUTURE_S // 60} minutes ahead",
        f"older than {ingest.AGE_S // 86400} days",
    ):
        assert said in TEXT.replace("\n", " "), said
    assert limits.late_s == 3600


def test_the_kpis_are_those_of_the_code() -> None:
    told = [name.strip("`") for name, *_ in rows("KPI")]
    assert tuple(told) == SHARES
    assert set(SHARES) | {"area", "day_s", "no_value", "pushed", "pulled", "late"} == set(kpi.AreaDay._fields)


def test_scopes_and_what_they_may_are_those_of_the_code() -> None:
    told = {scope: frozenset(may.split(", ")) for scope, may, _ in rows("scope")}
    assert told == {scope: frozenset(str(action) for action in may) for scope, may in RIGHTS.items()}


def test_the_installation_types_are_those_of_the_code() -> None:
    told = [(name, text) for name, text in rows("type")]
    everything = frozenset(parties.PROCESSES)
    words = {"nothing": frozenset[str](), "all": everything, "all but data": everything - {"data"}}
    assert {name: words.get(text, frozenset(text.split(", "))) for name, text in told} == parties.TYPES


def test_commands_paths_and_defaults_are_those_of_the_code() -> None:
    section = TEXT.partition("## Commands")[2]
    told = re.findall(r"`(\w+)`", section.partition(".")[0])
    assert told == list(KINDS)
    assert f"from 10 s to {commands.WAIT_MAX_S // 60} minutes" in section
    assert commands.KEPT_S == 86400 and "(a day, unless" in section
    assert all(f"{way.name.lower()} ({int(way)}" in TEXT for way in Way)
    assert f"`{command_options.DATABASE}`" in TEXT and f"`{command_options.KEY_FILE}`" in TEXT


def test_the_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    block = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)[0]
    lines = [line.partition("  #")[0] for line in block.splitlines()]
    assert len(lines) == 11
    for line in lines:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, (line, capsys.readouterr().err)
    told = capsys.readouterr().out
    assert "0312345678901234567890" in told and "may.csv: 0 values" in told and "keiki_" in told
