"""The fault engine: windows, probability, count, callbacks, settings."""

import ast
from pathlib import Path
from typing import Any

import pytest
from keiki_host.bench import faults_catalogue
from keiki_host.bench.clock import ManualScheduler
from keiki_host.bench.faults import NO_FAULTS, Entry, Faults, start_of_world
from keiki_host.bench.faults_catalogue import CATALOGUE, SETTING_FAULTS
from keiki_host.bench.faults_settings import requests_off, requests_on

START = 1_795_402_800  # 2026-11-23T12:00:00+09:00


def planned(*entries: Entry, seed: int = 1) -> tuple[Faults, ManualScheduler]:
    scheduler = ManualScheduler()
    faults = Faults(seed, scheduler)
    faults.plan(entries, START, meter="keiki-1")
    return faults, scheduler


def recorded(faults: Faults, name: str) -> list[tuple[str, dict[str, Any]]]:
    calls: list[tuple[str, dict[str, Any]]] = []
    faults.on_start(name, lambda params: calls.append(("start", params)))
    faults.on_end(name, lambda params: calls.append(("end", params)))
    return calls


def test_nothing_strikes_until_it_is_enabled() -> None:
    faults = Faults()
    for name in CATALOGUE:
        assert faults.hit(name) is None
        assert not faults.active(name)


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "meter_setting"])
def test_every_fault_can_be_enabled_and_strikes_with_its_name(name: str) -> None:
    faults = Faults()
    faults.enable(name)
    params = faults.hit(name)
    assert params and params["fault"] == name
    faults.disable(name)
    assert faults.hit(name) is None


def test_an_unknown_name_is_an_error_of_the_caller() -> None:
    for call in (Faults().hit, Faults().active, Faults().enable, Faults().disable, NO_FAULTS.hit):
        with pytest.raises(ValueError, match="no fault is called 'late'"):
            call("late")


def test_parameters_have_defaults_and_are_checked() -> None:
    faults = Faults()
    faults.enable("late_answer")
    assert faults.hit("late_answer") == {"fault": "late_answer", "seconds": 12.0}
    faults.enable("late_answer", seconds=3)
    assert faults.hit("late_answer") == {"fault": "late_answer", "seconds": 3}
    with pytest.raises(ValueError, match="seconds"):
        faults.enable("late_answer", seconds=-1)


def test_a_window_opens_at_its_time_and_closes_after_its_length() -> None:
    faults, scheduler = planned(Entry("no_answer", at_s=10, for_s=5))
    scheduler.advance(9_999)
    assert not faults.active("no_answer")
    scheduler.advance(1)
    assert faults.active("no_answer") and faults.hit("no_answer")
    scheduler.advance(4_999)
    assert faults.active("no_answer")
    scheduler.advance(1)
    assert not faults.active("no_answer")


def test_a_window_may_be_named_by_the_clock() -> None:
    faults, scheduler = planned(Entry("no_answer", at_utc_s=START + 60.5, for_s=1))
    scheduler.advance(60_499)
    assert not faults.active("no_answer")
    scheduler.advance(1)
    assert faults.active("no_answer")


def test_a_window_that_began_before_the_start_ends_when_it_would_have() -> None:
    faults, scheduler = planned(
        Entry("no_answer", at_utc_s=START - 60, for_s=100), Entry("glued", at_utc_s=START - 60, for_s=60)
    )
    scheduler.advance(0)
    assert faults.active("no_answer")
    scheduler.advance(39_999)
    assert faults.active("no_answer")
    scheduler.advance(1)
    assert not faults.active("no_answer")
    assert "glued" not in faults.struck and not faults.active("glued")


def test_without_a_length_a_window_stays_open() -> None:
    faults, scheduler = planned(Entry("no_answer"))
    scheduler.advance(10**9)
    assert faults.active("no_answer")


def test_another_meters_entry_does_not_open() -> None:
    faults, scheduler = planned(Entry("no_answer", meter="keiki-2"), Entry("glued", meter="keiki-1"))
    scheduler.advance(1)
    assert not faults.active("no_answer")
    assert faults.active("glued")


def test_count_is_the_number_of_strikes() -> None:
    faults = Faults()
    faults.enable("no_answer", count=2)
    assert [bool(faults.hit("no_answer")) for _ in range(4)] == [True, True, False, False]
    assert not faults.active("no_answer")
    assert faults.struck == {"no_answer": 2}


def test_asking_whether_it_is_active_uses_no_strike() -> None:
    faults = Faults()
    faults.enable("no_answer", count=1)
    assert faults.active("no_answer") and faults.active("no_answer")
    assert faults.hit("no_answer")


def test_what_it_does_not_fit_uses_no_strike() -> None:
    faults = Faults()
    faults.enable("no_data", epcs=[0xE7], count=1)
    assert faults.hit("no_data", lambda params: 0xE0 in params["epcs"]) is None
    assert faults.hit("no_data", lambda params: 0xE7 in params["epcs"])


def test_probability_is_rolled_at_each_use_and_repeats_with_the_seed() -> None:
    def rolls(seed: int, probability: float) -> list[bool]:
        faults = Faults(seed)
        faults.enable("loss", probability=probability)
        return [bool(faults.hit("loss")) for _ in range(2000)]

    assert rolls(7, 0.25) == rolls(7, 0.25) != rolls(8, 0.25)
    assert 420 < sum(rolls(7, 0.25)) < 580
    assert not any(rolls(7, 0.0))
    assert all(rolls(7, 1.0))


def test_one_fault_does_not_disturb_the_dice_of_another() -> None:
    def rolls(*others: str) -> list[bool]:
        faults = Faults(3)
        faults.enable("loss", probability=0.5)
        for other in others:
            faults.enable(other, probability=0.5)
        return [bool(faults.hit("loss")) for _ in range(50) if [faults.hit(other) for other in others] or 1]

    assert rolls() == rolls("delay", "glued")


def test_probability_of_an_event_is_rolled_once_when_its_time_comes() -> None:
    starts = []
    for seed in range(400):
        faults, scheduler = planned(Entry("module_reset", probability=0.25, for_s=1), seed=seed)
        faults.on_start("module_reset", starts.append)
        scheduler.advance(0)
        hits = {bool(faults.hit("module_reset")) for _ in range(20)}
        assert hits == {faults.active("module_reset")}
    assert 70 < len(starts) < 130


def test_callbacks_run_when_a_window_opens_and_when_it_has_closed() -> None:
    faults, scheduler = planned(Entry("tx_limit", {"seconds": 5}, at_s=1, for_s=2))
    calls = recorded(faults, "tx_limit")
    scheduler.advance(1000)
    params = {"fault": "tx_limit", "seconds": 5}
    assert calls == [("start", params)]
    scheduler.advance(2000)
    assert calls == [("start", params), ("end", params)]
    assert faults.struck == {"tx_limit": 1}


def test_a_callback_of_the_start_finds_the_window_open() -> None:
    faults = Faults()
    seen = []
    faults.on_start(
        "meter_ends", lambda _: seen.append((faults.active("meter_ends"), faults.hit("meter_ends")))
    )
    faults.enable("meter_ends")
    assert seen == [(True, {"fault": "meter_ends"})]


def test_callbacks_run_for_what_tests_enable_and_disable() -> None:
    faults = Faults()
    calls = recorded(faults, "ic_reset")
    faults.enable("ic_reset")
    faults.enable("ic_reset")
    faults.disable("ic_reset")
    faults.disable("ic_reset")
    assert [what for what, _ in calls] == ["start", "end", "start", "end"]


def test_the_last_strike_of_a_count_ends_the_window() -> None:
    faults = Faults()
    calls = recorded(faults, "no_answer")
    faults.enable("no_answer", count=1)
    faults.hit("no_answer")
    assert [what for what, _ in calls] == ["start", "end"]


def test_a_window_disabled_early_does_not_end_twice() -> None:
    scheduler = ManualScheduler()
    faults = Faults(1, scheduler)
    calls = recorded(faults, "no_answer")
    faults.enable("no_answer", for_s=5)
    faults.disable("no_answer")
    faults.enable("no_answer", for_s=20)
    scheduler.advance(10_000)
    assert faults.active("no_answer")
    assert [what for what, _ in calls] == ["start", "end", "start"]


def test_two_windows_of_one_fault_overlap() -> None:
    faults, scheduler = planned(
        Entry("late_answer", {"seconds": 1}, for_s=10), Entry("late_answer", {"seconds": 2}, at_s=5, for_s=10)
    )
    seen = []
    for _ in range(4):
        scheduler.advance(4_000)
        seen.append((faults.hit("late_answer") or {}).get("seconds"))
    assert seen == [1, 1, 2, None]


def test_the_shared_world_without_faults_cannot_be_changed() -> None:
    for call in (lambda: NO_FAULTS.enable("loss"), lambda: NO_FAULTS.plan([], START)):
        with pytest.raises(RuntimeError, match="shared"):
            call()
    NO_FAULTS.on_start("loss", lambda _: None)
    assert NO_FAULTS.hit("loss") is None


def test_time_needs_a_scheduler() -> None:
    with pytest.raises(RuntimeError, match="scheduler"):
        Faults().plan([Entry("loss")], START)
    with pytest.raises(RuntimeError, match="scheduler"):
        Faults().enable("loss", for_s=1)


BEFORE = {"unit": 1, "coefficient": 1, "digits": 6, "push_ea": True, "push_eb": True, "push_delay_s": 5}


@pytest.mark.parametrize(
    ("name", "params", "on", "off"),
    [
        (
            "meter_setting",
            {"coefficient": "absent", "digits": 4},
            [{"op": "set", "values": {"coefficient": None, "digits": 4}}],
            [{"op": "set", "values": {"coefficient": 1, "digits": 6}}],
        ),
        (
            "rollover",
            {},
            [{"op": "set", "values": {"digits": 3, "unit": 2}}],
            [{"op": "set", "values": {"digits": 6, "unit": 1}}],
        ),
        (
            "clock_offset",
            {"seconds": -90},
            [{"op": "step_clock", "by_ms": -90_000}],
            [{"op": "step_clock", "by_ms": 90_000}],
        ),
        (
            "push_late",
            {},
            [{"op": "set", "values": {"push_delay_s": 299}}],
            [{"op": "set", "values": {"push_delay_s": 5}}],
        ),
        (
            "push_ea_only",
            {},
            [{"op": "set", "values": {"push_ea": True, "push_eb": False}}],
            [{"op": "set", "values": {"push_ea": True, "push_eb": True}}],
        ),
    ],
)
def test_a_setting_fault_is_asked_of_the_console_and_undone(
    name: str, params: dict[str, Any], on: list[Any], off: list[Any]
) -> None:
    assert name in SETTING_FAULTS
    faults = Faults()
    asked: list[Any] = []
    faults.on_start(name, lambda given: asked.extend(requests_on(given)))
    faults.on_end(name, lambda given: asked.extend(requests_off(given, BEFORE)))
    faults.enable(name, **params)
    assert asked == on
    faults.disable(name)
    assert asked == on + off


def test_midnight_moves_the_start_to_just_before_it() -> None:
    noon, midnight = START, START + 12 * 3600
    assert start_of_world([Entry("loss")], noon) == noon
    assert start_of_world([Entry("midnight", {"seconds": 90})], noon) == midnight - 90
    assert start_of_world([Entry("midnight")], midnight) == midnight - 60
    faults, scheduler = planned(Entry("midnight"))
    scheduler.advance(10)
    assert not faults.active("midnight")


def _texts_of_the_models() -> set[str]:
    """Every text in the source of the bench, but for the catalogue itself."""
    bench = Path(faults_catalogue.__file__).parent
    return {
        node.value
        for path in bench.rglob("*.py")
        if not path.name.startswith("faults_")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_fault_is_played_by_a_model() -> None:
    played = {name for name, kind in CATALOGUE.items() if kind.act in ("answer", "event", "state")}
    assert played - _texts_of_the_models() == set()
