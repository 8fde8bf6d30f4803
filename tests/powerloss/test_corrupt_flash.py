"""Flash gone wrong: whatever is in its blocks, the meter starts, says what it lost, keeps the rest."""

import random

import pytest
from keiki.meter import eventlog, patrol
from keiki.meter.store import HALF_HOURS

from tests.powerloss.full_meter import CALIBRATION, NOW_S, PLANS, PROVISIONED, Nor, ask, fill, started

PLAN = PLANS[64]
SEEDS = 40
SLOTS = [NOW_S - 1800 * index for index in range(48 * PLAN["days"])]


@pytest.fixture(scope="module")
def full() -> bytes:
    """The image of a full flash."""
    nor = Nor(64)
    fill(nor, PLAN)
    return bytes(nor.image)


def spoil(image: bytearray, block: int, dice: random.Random) -> bool:
    """Overwrite a block, or a part of it; tell whether a start can see that there was something."""
    start = block * 4096
    begin = dice.choice((0, 0, 40, 2048))
    end = dice.choice((20, 2048, 4096, 4096))
    if end <= begin:
        begin, end = 0, 4096
    what = dice.choice(("garbage", "zeros", "ones", "text"))
    size = end - begin
    junk = {
        "garbage": dice.randbytes(size),
        "zeros": bytes(size),
        "ones": b"\xff" * size,
        "text": (b"not yours " * 410)[:size],
    }[what]
    image[start + begin : start + end] = junk
    return what in ("garbage", "text") or (what == "zeros" and begin > 0)


def test_a_meter_on_spoilt_flash_starts_says_what_it_lost_and_keeps_the_rest(full: bytes) -> None:
    whole = started(Nor(64, image=bytearray(full)), PLAN)
    truth = {slot_s: whole.history.half_hours.find(slot_s) for slot_s in SLOTS}
    registers = whole.registers.import_wh_x1000
    assert None not in truth.values()
    lost_most = 0
    for seed in range(SEEDS):
        dice = random.Random(seed)
        image = bytearray(full)
        hit = dice.sample(range(64), dice.choice((1, 1, 2, 5, 12)))
        seen = [block for block in hit if spoil(image, block, dice)]
        nor = Nor(64, image=image)
        meter = started(nor, PLAN)
        series = meter.history.half_hours
        missing = [slot_s for slot_s in SLOTS if series.find(slot_s) is None]
        wrong = [slot_s for slot_s in SLOTS if series.find(slot_s) not in (None, truth[slot_s])]
        assert not wrong, (seed, wrong)
        # at most what lay in the blocks that were hit
        assert len(missing) <= len(hit) * meter.store.half_hours.slots, (seed, hit)
        assert meter.registers.import_wh_x1000 <= registers
        lost_most = max(lost_most, len(missing))
        for _ in patrol.Patrol(meter.store, meter.starts.tell_lost).round():
            pass
        said = list(meter.store.losses())
        events = meter.events.all_counts().get("flash_lost", 0)
        assert events >= len(said), (seed, said)
        # what is blank, or all given up, may have been so; at the end of a log nobody can tell
        if missing and seen:
            assert said, (seed, hit)
        # it goes on: a new slot closes, is served, and is there after the next start
        meter.registers.advance((NOW_S + 3000) * 1000, 0)
        for second in range(3000, 3601, 20):
            meter.registers.advance((NOW_S + second) * 1000, 5)
        again = started(nor.reboot(), PLAN, NOW_S + 3700)
        assert again.history.half_hours.find(NOW_S + 3600) is not None, seed
        assert again.registers.import_wh_x1000 >= meter.registers.import_wh_x1000 - 50
        assert len(ask(again, 0x62, 0xE0)) == 4
    assert lost_most > 0, "no seed hit the half-hours"


def test_a_lost_block_of_half_hours_is_named_with_what_it_held(full: bytes) -> None:
    nor = Nor(64, image=bytearray(full))
    flash = started(nor, PLAN).store.flash
    mine = sorted((flash.firsts[block], block) for block in range(64) if flash.kinds[block] == HALF_HOURS)
    first, block = mine[5]
    image = bytearray(full)
    image[block * 4096 : (block + 1) * 4096] = b"\x5a" * 4096
    meter = started(Nor(64, image=image), PLAN)
    slots = meter.store.half_hours.slots
    assert f"half-hours {first} to {first + slots - 1} are lost" in list(meter.store.losses())
    losses = [event[2:] for event in meter.events.newest(99) if event[1] == eventlog.FLASH_LOST]
    assert (HALF_HOURS, first, slots) in [(source, before, after) for source, _, before, after in losses]


@pytest.mark.parametrize("junk", [b"\xff", b"\0", b"\x5a"])
def test_no_block_alone_holds_settings_or_calibration(full: bytes, junk: bytes) -> None:
    for block in range(64):
        image = bytearray(full)
        image[block * 4096 : (block + 1) * 4096] = junk * 4096
        meter = started(Nor(64, image=image), PLAN)
        assert {name: getattr(meter.settings, name) for name in PROVISIONED} == PROVISIONED, block
        assert meter.calibration.record == CALIBRATION, block


def test_records_that_went_bad_in_a_sound_block_are_told_once_and_shown_at_each_start(full: bytes) -> None:
    nor = Nor(64, image=bytearray(full))
    log = started(nor, PLAN).store.half_hours
    block, first = log._order[3], log._flash.firsts[log._order[3]]
    for slot in (7, 8, 9, 50):
        nor.flip(block * 4096 + 40 + slot * 23 + 5, 0x08)
    for start in range(3):
        meter = started(nor, PLAN, NOW_S + 100 * start)
        assert meter.store.flash.lost == []
        for _ in patrol.Patrol(meter.store, meter.starts.tell_lost).round():
            pass
        assert list(meter.store.losses()) == [
            f"half-hours {first + 7} to {first + 9} are lost",
            f"half-hours {first + 50} to {first + 50} are lost",
        ]
        assert meter.events.all_counts()["flash_lost"] == 2


def test_a_flash_of_zeros_or_garbage_is_a_new_meter() -> None:
    for junk in (bytes(64 * 4096), random.Random(3).randbytes(64 * 4096)):
        meter = started(Nor(64, image=bytearray(junk)), PLAN)
        assert meter.registers.import_wh_x1000 == 0
        assert len(ask(meter, 0x62, 0xE0)) == 4
        meter.registers.advance((NOW_S + 10) * 1000, 7)
        meter.registers.advance((NOW_S + 20) * 1000, 7)
        assert meter.store.checkpoints.end > meter.store.checkpoints.oldest
