"""What is known beside the values is kept once; what has not come is found, and nothing else."""

import pytest
from keiki_host.headend import observations, registry
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.ingest import ingest
from keiki_host.headend.missing import missing
from keiki_host.headend.observations import Clock, Event, Register

from tests.headend.fleet_of_few import DAY, SLOT, WHO, make, value


def test_each_observation_is_kept_once_and_the_newest_comes_first(store: Store) -> None:
    meter_id, other, _ = make(store)
    events = [Event(1, DAY + n, 3, DAY + 100) for n in range(5)]
    assert observations.note_events(store, meter_id, events) == 5
    assert observations.note_events(store, meter_id, [*events, Event(1, DAY + 9, 4, DAY + 200)]) == 1
    assert observations.events(store, meter_id, most=2) == [Event(1, DAY + 9, 4, DAY + 200), events[4]]
    for at_s in (DAY, DAY, DAY + 5):
        observations.note_clock(store, meter_id, Clock(at_s, -3))
    assert observations.clocks(store, meter_id) == [(DAY + 5, -3), (DAY, -3)]
    read = Register(DAY, 5, 6, "now")
    observations.note_registers(store, meter_id, [read, read])
    assert observations.registers(store, meter_id) == [read]
    assert observations.events(store, other) == observations.clocks(store, other) == []


def test_a_register_from_nowhere_is_refused_and_nothing_with_it_kept(store: Store) -> None:
    meter_id, *_ = make(store)
    with pytest.raises(HeadendInputError, match="dream is none of"):
        observations.note_registers(
            store, meter_id, [Register(DAY, 1, 1, "now"), Register(DAY, 1, 1, "dream")]
        )
    assert observations.registers(store, meter_id) == []


def test_what_has_not_come_is_found_by_meter(store: Store) -> None:
    first, second = make(store, 2)
    (south,) = make(store, 1, area="south", first=9)
    registry.remove(store, second, DAY + 3 * SLOT, who=WHO, now_s=DAY)
    ingest(store, [value(first, n, 10 + n) for n in (-2, -1, 0, 2, 4)], now_s=DAY)
    ingest(store, [value(second, n, None if n == 1 else 10, status=2) for n in (-2, -1, 1)], now_s=DAY)
    ingest(store, [value(south, n, 10 + n) for n in range(-2, 5)], now_s=DAY)
    span = (DAY - 2 * SLOT, DAY + 5 * SLOT)
    assert missing(store, *span) == {
        first: [DAY + SLOT, DAY + 3 * SLOT],
        second: [DAY, DAY + 2 * SLOT],
    }
    assert missing(store, DAY + 3 * SLOT, span[1]) == {first: [DAY + 3 * SLOT]}
    assert sum(map(len, missing(store, *span, most=1).values())) == 1
