"""Makes up registers for slots without a value, between two that have one. Pure.

A short gap is filled in a straight line. A long one follows the same half hours of the last like days
(working days, or days of a weekend), scaled to what the register did over the gap: the sum of a gap is always
measured, only its distribution is made up. Public holidays count as working days.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum

from keiki.wire.slots import DAY_S, SLOT_S

from keiki_host.headend.rules import is_weekend

SHORT_SLOTS = 4
"""The most missing slots that are filled in a straight line."""
LIKE_DAYS = 4
"""How many like days are looked at, the newest first."""
BACK_DAYS = 28
"""How far back they are looked for."""


class Method(IntEnum):
    """How an estimate was made."""

    LINEAR = 1
    LIKE_DAY = 2


def registers(first_wh: int, last_wh: int, weights: Sequence[int]) -> list[int]:
    """The registers inside a gap of len(weights) intervals, whose energies are in proportion of `weights`.

    Never falls, in whole Wh; ends exactly at `last_wh`. ValueError if the register fell over the gap.
    """
    if last_wh < first_wh:
        raise ValueError("the register fell")
    total = sum(weights)
    if not total:
        weights, total = [1] * len(weights), len(weights)
    inside, done = [], 0
    for weight in weights[:-1]:
        done += weight
        inside.append(first_wh + (last_wh - first_wh) * done // total)
    return inside


def like_days(values: Mapping[int, int], ends_s: Sequence[int], before_s: int) -> list[int] | None:
    """Weights of the intervals that end at `ends_s`, by the same half hours of like days before the gap.

    `values` are real registers by slot; `before_s` is the last slot before the gap. A half hour that no like
    day has gets the mean of the others; None if none has any.
    """
    weights: list[int | None] = []
    for end_s in ends_s:
        found: list[int] = []
        like_s = end_s - ((end_s - before_s + DAY_S - 1) // DAY_S) * DAY_S
        while len(found) < LIKE_DAYS and like_s > before_s - BACK_DAYS * DAY_S:
            start, end = values.get(like_s - SLOT_S), values.get(like_s)
            alike = is_weekend(like_s) == is_weekend(end_s)
            if alike and start is not None and end is not None and end >= start:
                found.append(end - start)
            like_s -= DAY_S
        # times 12: whole numbers for a mean of up to four
        weights.append(sum(found) * 12 // len(found) if found else None)
    known = [weight for weight in weights if weight is not None]
    if not known:
        return None
    mean = sum(known) // len(known)
    return [mean if weight is None else weight for weight in weights]
