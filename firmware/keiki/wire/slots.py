"""Calendar arithmetic on UTC seconds since 1970, in Japan Standard Time (+09:00, no summer time).

A slot boundary is an instant hh:00 or hh:30 JST; because +09:00 is a whole number of
half hours, a boundary is also a multiple of 1800 UTC seconds.
"""

from keiki.wire.compat import const

JST_S = const(32400)
SLOT_S = const(1800)
MINUTE_S = const(60)
DAY_S = const(86400)


def days_from_civil(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01 of a date in the proleptic Gregorian calendar."""
    if month <= 2:
        year -= 1
        month += 12
    era_day = (153 * (month - 3) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + era_day - 719468


def civil_from_days(days: int) -> "tuple[int, int, int]":
    """Return (year, month, day) for days since 1970-01-01."""
    days += 719468
    era = days // 146097
    doe = days - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    return yoe + era * 400 + (1 if month <= 2 else 0), month, doy - (153 * mp + 2) // 5 + 1


def jst(utc_s: int) -> "tuple[int, int, int, int, int, int]":
    """Return (year, month, day, hour, minute, second) in JST."""
    days, rest = divmod(utc_s + JST_S, DAY_S)
    year, month, day = civil_from_days(days)
    return year, month, day, rest // 3600, rest // 60 % 60, rest % 60


def utc_from_jst(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """Return UTC seconds for a date and time in JST; ValueError if there is no such time."""
    if not (1 <= month <= 12 and 1 <= day <= 31 and 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        raise ValueError("no such time")
    days = days_from_civil(year, month, day)
    if civil_from_days(days) != (year, month, day):
        raise ValueError("no such day")
    return days * DAY_S + hour * 3600 + minute * 60 + second - JST_S


def jst_midnight(utc_s: int, days_ago: int = 0) -> int:
    """Return the UTC second of 00:00 JST of the day that holds `utc_s`, or of a day before it."""
    return (utc_s + JST_S) // DAY_S * DAY_S - JST_S - days_ago * DAY_S


def floor_to(utc_s: int, step_s: int) -> int:
    """Return the newest multiple of `step_s` (60 or 1800) that is not after `utc_s`."""
    return utc_s // step_s * step_s
