"""The command queue: in order, retried, ended once, and all of it on the trail."""

from typing import Any

import pytest
from keiki_host.headend import commands, trail
from keiki_host.headend.commands import claim, enqueue, find, finish, retry
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError

from tests.headend.fleet_of_few import DAY, make

OPEN = {"closed": False}


def ask(store: Store, meter_id: int, kind: str = "switch", arguments: Any = OPEN, **more: Any) -> int:
    return enqueue(store, meter_id, kind, arguments, who="op", now_s=DAY, **more)


def test_a_command_goes_from_asked_to_done(store: Store) -> None:
    meter_id, *_ = make(store)
    number = ask(store, meter_id)
    (mine,) = claim(store, now_s=DAY + 1)
    assert (mine.command_id, mine.state, mine.attempts, mine.arguments) == (number, "running", 1, OPEN)
    assert claim(store, now_s=DAY + 1) == []
    assert finish(store, mine, done=True, result="open", read_back={"closed": False}, now_s=DAY + 5)
    ended = find(store, number)
    assert (ended.state, ended.ended_s, ended.read_back) == ("done", DAY + 5, {"closed": False})
    told = [(e.who, e.action, e.outcome) for e in trail.entries(store, subject=f"meter {meter_id}")]
    assert told == [("op", "command.switch", "done"), ("op", "command.switch", "asked")]


def test_commands_of_a_meter_run_one_after_the_other(store: Store) -> None:
    first, second, _ = make(store)
    a, b, c = ask(store, first), ask(store, first, "clock", {}), ask(store, second)
    one = claim(store, now_s=DAY)
    assert [found.command_id for found in one] == [a, c]
    assert claim(store, now_s=DAY) == []
    finish(store, one[0], done=False, result="refused", now_s=DAY)
    assert [found.command_id for found in claim(store, now_s=DAY)] == [b]


def test_a_command_waits_longer_after_each_try_and_ends_when_its_time_is_up(store: Store) -> None:
    meter_id, *_ = make(store)
    number = ask(store, meter_id, expires_s=DAY + 3600)
    now_s, waits = DAY, []
    while found := claim(store, now_s=now_s):
        assert retry(store, found[0], result="no answer", now_s=now_s, rand=lambda: 0.0)
        state = find(store, number)
        if state.state != "queued":
            break
        assert claim(store, now_s=state.due_s - 1) == []
        waits.append(state.due_s - now_s)
        now_s = state.due_s
    assert waits == [10, 20, 40, 80, 160, 320, 450, 450, 450, 450, 450, 450]
    ended = find(store, number)
    assert (ended.state, ended.result, ended.attempts) == ("expired", "no answer", 13)


def test_a_worker_that_goes_silent_loses_its_command(store: Store) -> None:
    meter_id, *_ = make(store)
    number = ask(store, meter_id)
    (lost,) = claim(store, now_s=DAY, lease_s=60)
    assert claim(store, now_s=DAY + 59) == []
    (mine,) = claim(store, now_s=DAY + 60)
    assert (mine.command_id, mine.attempts) == (number, 2)
    assert not finish(store, lost, done=False, result="late", now_s=DAY + 61)
    assert not retry(store, lost, result="late", now_s=DAY + 61, rand=lambda: 0.0)
    assert finish(store, mine, done=True, result="ok", now_s=DAY + 62)
    assert find(store, number).state == "done"
    outcomes = [e.outcome for e in trail.entries(store, subject=f"meter {meter_id}")]
    assert outcomes == ["done", "late", "asked"]


def test_a_command_nobody_tried_expires(store: Store) -> None:
    meter_id, *_ = make(store)
    number = ask(store, meter_id, expires_s=DAY + 10)
    assert claim(store, now_s=DAY + 10) == []
    assert find(store, number)[4] == "expired"


def test_a_waiting_command_can_be_taken_back(store: Store) -> None:
    meter_id, *_ = make(store)
    number = ask(store, meter_id)
    commands.cancel(store, number, who="boss", now_s=DAY)
    assert (find(store, number).state, claim(store, now_s=DAY)) == ("cancelled", [])
    with pytest.raises(HeadendInputError, match="not waiting"):
        commands.cancel(store, number, who="boss", now_s=DAY)


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("dance", {}, "^command: dance is none of"),
    ("switch", {}, "^command switch: closed: Field required$"),
    ("switch", {"closed": "yes"}, "^command switch: closed: "),
    ("switch", {"closed": True, "more": 1}, "^command switch: more: "),
    ("limit", {"limit_a": 121}, "^command limit: limit_a: "),
    ("limit", {"limit_a": -1}, "^command limit: limit_a: "),
    ("push", {"delay_s": 1800}, "^command push: delay_s: "),
    ("keys", {"key_ids": []}, "^command keys: key_ids: "),
    ("read", {"what": "all"}, "^command read: what: "),
]


def test_a_command_that_cannot_be_is_not_queued(store: Store) -> None:
    meter_id, *_ = make(store)
    for kind, arguments, fault in BAD:
        with pytest.raises(HeadendInputError, match=fault):
            ask(store, meter_id, kind, arguments)
    assert commands.commands(store) == []


def test_no_meter_and_no_time_are_refused(store: Store) -> None:
    meter_id, *_ = make(store)
    with pytest.raises(HeadendInputError, match="no number 77"):
        ask(store, 77)
    with pytest.raises(HeadendInputError, match="out of time"):
        ask(store, meter_id, expires_s=DAY)


def test_commands_are_listed_newest_first(store: Store) -> None:
    first, second, _ = make(store)
    numbers = [ask(store, meter) for meter in (first, second, first)]
    assert [c.command_id for c in commands.commands(store)] == numbers[::-1]
    assert [c.command_id for c in commands.commands(store, meter_id=first, before=numbers[2])] == [numbers[0]]
