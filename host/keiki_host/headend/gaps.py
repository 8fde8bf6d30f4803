"""Fills gaps with estimates, and retires estimates whose real value has come.

A gap is filled as a whole, from the value before it to the value after it, so one that is still open stays
empty. What is left of a gap after some of its values came is filled anew.
"""

from collections.abc import Mapping, Sequence

from keiki.wire.slots import DAY_S, SLOT_S
from sqlalchemy import Connection, text

from keiki_host.headend import estimate
from keiki_host.headend.estimate import BACK_DAYS, SHORT_SLOTS, Method
from keiki_host.headend.rules import Value
from keiki_host.headend.series import within

DAYS_MAX = 40
"""The longest gap that is filled."""
_LOAD = """
SELECT meter_id, slot_s, import_wh, export_wh, status, delay_s FROM reading
WHERE meter_id {meters} AND slot_s {slots}
"""
_SAVE = """
INSERT INTO estimate (slot_s, meter_id, import_wh, export_wh, method, made_s)
VALUES (:slot_s, :meter_id, :import_wh, :export_wh, :method, :made_s)
ON CONFLICT (slot_s, meter_id) DO UPDATE SET import_wh = excluded.import_wh, export_wh = excluded.export_wh,
method = excluded.method, made_s = excluded.made_s
WHERE estimate.replaced_s IS NULL
AND (estimate.import_wh <> excluded.import_wh OR estimate.export_wh <> excluded.export_wh)
"""
_RETIRE = """
UPDATE estimate SET replaced_s = :now_s WHERE replaced_s IS NULL AND meter_id {meters} AND slot_s {slots}
AND EXISTS (
  SELECT 1 FROM reading r
  WHERE r.slot_s = estimate.slot_s AND r.meter_id = estimate.meter_id AND r.import_wh IS NOT NULL
)
"""


def load(
    connection: Connection, meter_ids: Sequence[int], slots: Sequence[int]
) -> dict[int, dict[int, Value]]:
    """The stored values of some meters at some slots, by meter and slot."""
    meters, some = within(connection, meter_ids, "meters")
    condition, all_slots = within(connection, slots)
    found: dict[int, dict[int, Value]] = {meter_id: {} for meter_id in meter_ids}
    query = text(_LOAD.format(meters=meters, slots=condition))
    for meter_id, slot_s, *value in connection.execute(query, {"meters": some, "slots": all_slots}).all():
        found[meter_id][slot_s] = Value(*value)
    return found


def fill(
    connection: Connection,
    meter_id: int,
    due: Sequence[int],
    values: Mapping[int, Value],
    now_s: int,
    *,
    from_s: int,
) -> None:
    """Estimate the gaps that touch the slots `due`; `from_s`: when the meter was installed.

    `values` holds what is known of these slots and around them.
    """
    known = {slot_s: value for slot_s, value in values.items() if value.import_wh is not None}
    missing = [slot_s for slot_s in due if slot_s not in known]
    if due and due[0] in known and due[0] - SLOT_S not in known:
        missing.insert(0, due[0] - SLOT_S)  # a gap that the first value ends
    done_s = 0
    for slot_s in missing:
        if slot_s <= done_s or slot_s < from_s:
            continue
        before_s = _nearest(connection, meter_id, known, slot_s, -SLOT_S, from_s)
        after_s = _nearest(connection, meter_id, known, slot_s, SLOT_S, now_s)
        if after_s is None:
            return
        done_s = after_s
        if before_s is not None:
            _fill_one(connection, meter_id, known, before_s, after_s, now_s)


def _nearest(
    connection: Connection, meter_id: int, known: dict[int, Value], slot_s: int, step_s: int, end_s: int
) -> int | None:
    """The nearest slot with a value in one direction, up to `end_s`; adds what it loads to `known`."""
    tried_s = slot_s
    for _ in range(DAYS_MAX):
        stretch = [tried_s + step_s * n for n in range(1, DAY_S // SLOT_S + 1)]
        stretch = [at_s for at_s in stretch if (end_s - at_s) * step_s >= 0]
        unseen = [at_s for at_s in stretch if at_s not in known]
        for at_s, value in load(connection, [meter_id], unseen)[meter_id].items() if unseen else ():
            if value.import_wh is not None:
                known[at_s] = value
        for at_s in stretch:
            if at_s in known:
                return at_s
        if len(stretch) < DAY_S // SLOT_S:
            return None
        tried_s = stretch[-1]
    return None


def _fill_one(
    connection: Connection, meter_id: int, known: Mapping[int, Value], before_s: int, after_s: int, now_s: int
) -> None:
    slots = list(range(before_s + SLOT_S, after_s, SLOT_S))
    method = Method.LINEAR if len(slots) <= SHORT_SLOTS else Method.LIKE_DAY
    history: Mapping[int, Value] = {}
    if method is Method.LIKE_DAY:
        back = range(before_s - BACK_DAYS * DAY_S, before_s + SLOT_S, SLOT_S)
        history = load(connection, [meter_id], back)[meter_id]
    columns = []
    for index in (0, 1):
        first, last = known[before_s][index], known[after_s][index]
        assert isinstance(first, int) and isinstance(last, int)
        if last < first:
            return  # the rule FELL tells of it; there is nothing to distribute
        ends_s = [*slots, after_s]
        real = {slot_s: wh for slot_s, value in history.items() if (wh := value[index]) is not None}
        weights = estimate.like_days(real, ends_s, before_s) if method is Method.LIKE_DAY else None
        columns.append(estimate.registers(first, last, weights or [1] * len(ends_s)))
    connection.execute(
        text(_SAVE),
        [
            {
                "slot_s": slot_s,
                "meter_id": meter_id,
                "import_wh": import_wh,
                "export_wh": export_wh,
                "method": int(method),
                "made_s": now_s,
            }
            for slot_s, import_wh, export_wh in zip(slots, *columns, strict=True)
        ],
    )


def retire(connection: Connection, meter_ids: Sequence[int], slots: Sequence[int], now_s: int) -> None:
    """Retire the estimates of some meters and slots whose real value has come."""
    meters, some = within(connection, meter_ids, "meters")
    condition, all_slots = within(connection, slots)
    query = text(_RETIRE.format(meters=meters, slots=condition))
    connection.execute(query, {"now_s": now_s, "meters": some, "slots": all_slots})
