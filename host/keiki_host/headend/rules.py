"""What values are held against, and what a failure means. Pure: values in, findings out.

A finding about an interval stands at the slot that ends it. Values are the registers of one meter, in Wh.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from keiki.wire.slots import DAY_S, SLOT_S

from keiki_host.headend.values import Status


class Quality(IntEnum):
    """How far a value may be trusted; a higher number is worse."""

    VALID = 0
    SUSPECT = 1
    ESTIMATED = 2
    INVALID = 3
    MISSING = 4


class Rule(IntEnum):
    """Numbers of the rules; `MEANING` says what each is."""

    GAP = 1
    NO_VALUE = 2
    DUPLICATE = 3
    STATUS = 4
    FELL = 5
    SPIKE = 6
    FROZEN = 7
    SUM = 8
    CLOCK = 9


MEANING: dict[Rule, tuple[Quality, str]] = {
    Rule.GAP: (Quality.MISSING, "nothing came"),
    Rule.NO_VALUE: (Quality.MISSING, "the meter says that it has no value"),
    Rule.DUPLICATE: (Quality.SUSPECT, "a second, different value came"),
    Rule.STATUS: (Quality.SUSPECT, "the meter marks it (status)"),
    Rule.FELL: (Quality.INVALID, "a register is lower than before (Wh)"),
    Rule.SPIKE: (Quality.INVALID, "more energy than the rating lets through (Wh)"),
    Rule.FROZEN: (Quality.SUSPECT, "no register moved for a day, and one did in the week before (slots)"),
    Rule.SUM: (Quality.INVALID, "the register read otherwise differs from the sum of the intervals (Wh)"),
    Rule.CLOCK: (Quality.SUSPECT, "the meter's clock was wrong (s)"),
}
"""What a rule's failure makes of a value, and its words; in brackets what `detail` is."""


class Limits(NamedTuple):
    """What the rules allow."""

    voltage_v: int = 200
    """Between the lines of 1P3W: the most power is this times the rating."""
    spike_percent: int = 120
    """Of the most energy that the rating lets through in an interval."""
    frozen_slots: int = 48
    sum_wh: int = 1
    """How far a register read otherwise may be off: both are rounded to whole Wh."""
    clock_s: int = 60
    """How far a meter's clock may be off."""
    late_s: int = 3600
    """How long after its slot a value is a gap."""


USUAL = Limits()


class Value(NamedTuple):
    """A value as stored."""

    import_wh: int | None
    export_wh: int | None
    status: int
    delay_s: int
    """Its arrival, after its slot."""


class Facts(NamedTuple):
    """What the rules look at: one meter, and a stretch of its slots."""

    rating_a: int
    due: Sequence[int]
    """The slots to be judged, in order, at which the meter was installed."""
    values: Mapping[int, Value]
    """By slot; from `frozen_slots` before the first due one, so that intervals and stillness are seen."""
    conflicts: Set[int]
    """Slots with a second, different value."""
    reads: Sequence[tuple[int, int, int]]
    """Registers read otherwise: (time, import, export)."""
    clocks: Sequence[tuple[int, int]]
    """Clock readings: (time, offset in s)."""
    used_before_wh: int
    """Energy in both directions in the week before the stillness would begin."""


class Finding(NamedTuple):
    """One failure of one rule."""

    slot_s: int
    rule: Rule
    detail: int | None

    @property
    def quality(self) -> Quality:
        """What it makes of the value."""
        return MEANING[self.rule][0]


def findings(facts: Facts, now_s: int, limits: Limits = USUAL) -> list[Finding]:
    """Everything that is wrong with the due slots, by slot and rule."""
    found = {
        *_presence(facts, now_s, limits),
        *_intervals(facts, limits),
        *_frozen(facts, limits),
        *_sums(facts, limits),
        *_clocks(facts, limits),
    }
    return sorted(found)


def _presence(facts: Facts, now_s: int, limits: Limits) -> Iterator[Finding]:
    for slot_s in facts.due:
        value = facts.values.get(slot_s)
        if slot_s in facts.conflicts:
            yield Finding(slot_s, Rule.DUPLICATE, None)
        if value is None:
            if slot_s + limits.late_s < now_s:
                yield Finding(slot_s, Rule.GAP, None)
        elif value.import_wh is None:
            yield Finding(slot_s, Rule.NO_VALUE, value.status)
        elif value.status != Status.NORMAL:
            yield Finding(slot_s, Rule.STATUS, value.status)


def _intervals(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Each value against the one before it, however long ago that was."""
    due = set(facts.due)
    most_wh = facts.rating_a * limits.voltage_v * SLOT_S // 3600 * limits.spike_percent // 100
    for (before_s, before), (slot_s, value) in pairwise(_with_value(facts)):
        if slot_s not in due:
            continue
        moved = [_less(value.import_wh, before.import_wh), _less(value.export_wh, before.export_wh)]
        if min(moved) < 0:
            yield Finding(slot_s, Rule.FELL, min(moved))
        if max(moved) > most_wh * ((slot_s - before_s) // SLOT_S):
            yield Finding(slot_s, Rule.SPIKE, max(moved))


def _frozen(facts: Facts, limits: Limits) -> Iterator[Finding]:
    due, still = set(facts.due), 0
    for (before_s, before), (slot_s, value) in pairwise(_with_value(facts)):
        same = value[:2] == before[:2] and slot_s - before_s == SLOT_S
        still = still + 1 if same else 0
        if still >= limits.frozen_slots and facts.used_before_wh > 0 and slot_s in due:
            yield Finding(slot_s, Rule.FROZEN, still)


def _sums(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A register read otherwise lies between the slots around it, or the sum of the intervals is wrong."""
    due = set(facts.due)
    for at_s, *registers in facts.reads:
        low_s = at_s // SLOT_S * SLOT_S
        high_s = -(-at_s // SLOT_S) * SLOT_S
        low, high = facts.values.get(low_s), facts.values.get(high_s)
        if high_s not in due or low is None or high is None:
            continue
        off = 0
        for index, register in enumerate(registers):
            least, most = low[index], high[index]
            if least is None or most is None:
                continue
            off = max(off, least - register, register - most)
        if off > limits.sum_wh:
            yield Finding(high_s, Rule.SUM, off)


def _clocks(facts: Facts, limits: Limits) -> Iterator[Finding]:
    for slot_s in facts.due:
        value = facts.values.get(slot_s)
        if value is not None and value.delay_s < -limits.clock_s:  # it came before its time
            yield Finding(slot_s, Rule.CLOCK, -value.delay_s)
    for at_s, offset_s in facts.clocks:
        slot_s = -(-at_s // SLOT_S) * SLOT_S
        if abs(offset_s) > limits.clock_s and slot_s in facts.due and slot_s in facts.values:
            yield Finding(slot_s, Rule.CLOCK, offset_s)


def _with_value(facts: Facts) -> list[tuple[int, Value]]:
    return [(slot_s, value) for slot_s, value in sorted(facts.values.items()) if value.import_wh is not None]


def _less(a: int | None, b: int | None) -> int:
    return (a or 0) - (b or 0)


def is_weekend(slot_s: int) -> bool:
    """Whether the interval that ends at a slot is on a Saturday or Sunday in Japan."""
    return (slot_s - 1 + 9 * 3600) // DAY_S % 7 in (2, 3)  # day 0 of 1970 was a Thursday
