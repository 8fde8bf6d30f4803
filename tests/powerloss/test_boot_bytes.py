"""What a start reads of a full flash before the first request is answered: little, however full it is."""

import pytest

from tests.powerloss.full_meter import PLANS, Nor, ask, fill, started


@pytest.mark.parametrize("blocks", PLANS)
def test_a_start_reads_less_than_a_fiftieth_of_the_region(blocks: int) -> None:
    plan = PLANS[blocks]
    nor = Nor(blocks)
    fill(nor, plan)
    meter = started(nor, plan)
    flash = meter.store.flash
    assert len(ask(meter, 0x62, 0xE0)) == 4
    first = flash.bytes_read
    ask(meter, 0x61, 0xE5, b"\0")
    day = ask(meter, 0x62, 0xE2)
    assert len(day) == 194 and day[2 : 2 + 25 * 4].count(b"\xff\xff\xff\xfe") == 0
    size = blocks * 4096
    print(
        f"boot: {size // 1024} KiB, {plan['days']} days: {first:,} bytes ({first / size:.2%}) from power-on "
        f"to the answer to E0, {flash.bytes_read:,} ({flash.bytes_read / size:.2%}) to that to E2"
    )
    assert first < size / 50
