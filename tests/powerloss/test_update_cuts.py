"""The power goes at every change that an update makes to the flash: a whole version always starts.

update_kills.py does the same to whole meters on the bench.
"""

from collections.abc import Callable

import pytest
from keiki.meter import update_record

from tests.powerloss.update_world import Meter, PowerCutError, bundle_of, run


def updated(meter: Meter, version: str) -> None:
    """Give a meter an update with no trouble, and find it good."""
    assert run(meter.give(bundle_of(version)))
    assert meter.boot() == version
    meter.confirm()


def make(torn: bool, slots: int) -> Meter:
    """A meter that has been updated so many times before."""
    meter = Meter(torn)
    meter.boot()
    for number in range(slots):
        updated(meter, f"0.2.{number}")
    return meter


def cut_at(change: int, torn: bool, slots: int) -> bool:
    """Cut an update at one change of the flash, and go on after it; False: it had no so many changes."""
    meter = make(torn, slots)
    before, wanted = meter.boot(), bundle_of("0.3.0")
    meter.disk.budget = change
    try:
        run(meter.give(wanted))
        cut = False
    except PowerCutError:
        cut = True
    meter.disk.budget = None
    version = meter.boot()
    assert version in (before, "0.3.0")
    if version == before:
        held = max(0, meter.disk.size("a/id")) + max(0, meter.disk.size("b/id"))
        assert run(meter.give(wanted)), (change, held, meter.update.reason)
        assert meter.boot() == "0.3.0"
    meter.confirm()
    assert meter.boot() == "0.3.0"
    return cut


def cut_in_trial(change: int, torn: bool, starts: int) -> bool:
    """A version that never comes up is started again and again; the power goes at a change meanwhile."""
    meter = make(torn, 1)
    assert run(meter.give(bundle_of("0.3.0")))
    meter.disk.budget, cut = change, False
    for _ in range(starts):
        try:
            assert meter.boot() in ("0.2.0", "0.3.0")
        except PowerCutError:
            meter.disk.budget, cut = None, True
    meter.disk.budget = None
    assert meter.boot() == "0.2.0"
    assert meter.boot() == "0.2.0"
    return cut


def every(cut: Callable[[int, bool, int], bool], torn: bool, number: int) -> int:
    """Cut at each change until one is not reached; returns how many there were."""
    change = 0
    while cut(change, torn, number):
        change += 1
    return change


@pytest.mark.parametrize("slots", [0, 1, 2])
@pytest.mark.parametrize("torn", [True, False])
def test_a_cut_anywhere_leaves_a_whole_version_and_the_update_goes_on(torn: bool, slots: int) -> None:
    assert every(cut_at, torn, slots) > 40


@pytest.mark.parametrize("torn", [True, False])
def test_a_cut_while_a_bad_version_is_tried_leads_back_all_the_same(torn: bool) -> None:
    assert every(cut_in_trial, torn, 6) >= 4


def test_what_is_on_flash_is_not_sent_again() -> None:
    meter = make(True, 1)
    wanted = bundle_of("0.3.0")
    meter.disk.budget = 24
    with pytest.raises(PowerCutError):
        run(meter.give(wanted))
    held = meter.update.offset
    meter.disk.budget = None
    meter.boot()

    async def begin() -> int:
        meter.update.begin(wanted.id, len(wanted.data))
        await meter.update.settled()
        return int(meter.update.offset)

    assert 0 < held <= run(begin()) < len(wanted.data)


def test_a_file_that_was_spoiled_on_flash_is_found_and_all_of_it_sent_again() -> None:
    meter = make(True, 1)
    wanted = bundle_of("0.3.0")
    meter.disk.budget = 36
    with pytest.raises(PowerCutError):
        run(meter.give(wanted))
    meter.disk.budget = None
    assert meter.disk.files["b/main.mpy"]
    meter.disk.files["b/main.mpy"] = b"M" + meter.disk.files["b/main.mpy"][1:]
    meter.boot()
    assert not run(meter.give(wanted))
    assert "main.mpy is not what was signed" in meter.update.reason
    assert meter.boot() == "0.2.0"
    assert run(meter.give(wanted)) and meter.boot() == "0.3.0"


def test_a_version_that_is_never_found_good_makes_way_after_three_starts() -> None:
    meter = make(True, 1)
    assert run(meter.give(bundle_of("0.3.0")))
    assert [meter.boot() for _ in range(5)] == ["0.3.0"] * 3 + ["0.2.0"] * 2
    assert update_record.load(meter.disk)["failed"] == "b"


def test_a_record_that_cannot_be_written_or_read_starts_what_was_before() -> None:
    meter = make(True, 1)
    assert run(meter.give(bundle_of("0.3.0")))
    meter.disk.full = True
    assert meter.boot() == "0.2.0"
    meter.disk.full = False
    for text in (b"", b"{", b"[]", b'{"active": "c"}', b'{"active": "../x"}', b"\xff\xff"):
        meter.disk.files["select"] = text
        assert meter.boot() == "0.1.0"


def test_a_full_flash_ends_the_update_and_nothing_else() -> None:
    meter = make(True, 1)
    wanted = bundle_of("0.3.0")
    meter.disk.budget = 24
    with pytest.raises(PowerCutError):
        run(meter.give(wanted))
    meter.disk.budget, meter.disk.full = None, True
    assert meter.boot() == "0.2.0"
    with pytest.raises(OSError, match="no space"):
        run(meter.give(wanted))
    meter.disk.full = False
    assert run(meter.give(wanted)) and meter.boot() == "0.3.0"
