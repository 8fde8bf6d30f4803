"""COSEM date-time: 12 bytes to instants and back, in Japan Standard Time.

Document: Blue Book 4.1.6.1. Year u16, month, day, day of week (Monday is 1), hour, minute, second,
hundredths, deviation i16 (minutes from local time to UTC: -540 in Japan), clock status. FF, FFFF and 8000
mean "not specified".
"""

import struct

from keiki.wire import slots
from keiki.wire.compat import const
from keiki.wire.cosem.axdr import FrameError

SIZE = const(12)
JST_MIN = const(-540)
UNSPECIFIED = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x80\x00\xff"

STATUS_OK = const(0x00)
STATUS_INVALID = const(0x01)
STATUS_DOUBTFUL = const(0x02)

_FORMAT = const(">HBBBBBBBhB")
_DEVIATION_MAX_MIN = const(840)
_YEAR_MAX = const(9999)

_date = [-1, 0, 0, 0, 0]  # the day converted last: days since 1970, year, month, day, day of week


def pack_into(buffer, at: int, utc_s: int, status: int = STATUS_OK) -> None:
    """Write an instant as local time of Japan, hundredths 0."""
    rest_s = utc_s + slots.JST_S
    days = rest_s // slots.DAY_S  # no divmod: its tuple would be the only garbage of a row
    rest_s -= days * slots.DAY_S
    if days != _date[0]:
        _date[1:4] = slots.civil_from_days(days)
        _date[4] = (days + 3) % 7 + 1
        _date[0] = days
    _, year, month, day, weekday = _date
    struct.pack_into(
        _FORMAT, buffer, at, year, month, day, weekday,
        rest_s // 3600, rest_s // 60 % 60, rest_s % 60, 0, JST_MIN, status,
    )  # fmt: skip


def pack(utc_s: int, status: int = STATUS_OK) -> bytes:
    """Return the 12 bytes of an instant."""
    buffer = bytearray(SIZE)
    pack_into(buffer, 0, utc_s, status)
    return bytes(buffer)


def unpack(data) -> "tuple[int, int | None, int] | None":
    """Return (local time as seconds since 1970, deviation in minutes or None, status) of 12 bytes.

    None if the date and the time are wholly unspecified. Seconds and hundredths may be unspecified: 0 then.
    The day of week is not looked at. A deviation that no place on earth has counts as unspecified.
    Raises FrameError for another length, for a time that does not exist and for one with a wildcard in it.
    """
    if len(data) != SIZE:
        raise FrameError("date-time")
    year, month, day, _, hour, minute, second, hundredths, deviation, status = struct.unpack(_FORMAT, data)
    if year == 0xFFFF and month == day == hour == minute == second == 0xFF:
        return None
    if second == 0xFF:
        second = 0
    if not 1970 <= year <= _YEAR_MAX or (hundredths > 99 and hundredths != 0xFF):
        raise FrameError("date-time")
    try:
        local_s = slots.utc_from_jst(year, month, day, hour, minute, second) + slots.JST_S
    except ValueError:
        raise FrameError("date-time") from None
    if not -_DEVIATION_MAX_MIN <= deviation <= _DEVIATION_MAX_MIN:
        deviation = None
    return local_s, deviation, status


def instant(data, trust_deviation: bool = True) -> "int | None":
    """Return the UTC seconds that 12 bytes mean; None if they mean no time at all.

    Without deviation the time is that of Japan. With one that is not Japan's it is an instant, or, if
    `trust_deviation` is False, still Japan's local time: some clients send the zone of their host.
    """
    found = unpack(data)
    if found is None:
        return None
    local_s, deviation, _ = found
    if deviation is None or (deviation != JST_MIN and not trust_deviation):
        deviation = JST_MIN
    return local_s + deviation * 60
