"""Times as people and files write them: ISO 8601 in Japan Standard Time."""

import datetime

from keiki_host.headend.errors import HeadendInputError

JST = datetime.timezone(datetime.timedelta(hours=9), "JST")


def iso(utc_s: int) -> str:
    """2026-06-01T00:30:00+09:00."""
    return datetime.datetime.fromtimestamp(utc_s, JST).isoformat()


def parse(text: str) -> int:
    """UTC seconds of a date (00:00) or time in ISO 8601, JST unless it says otherwise; HeadendInputError."""
    try:
        found = datetime.datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=JST)).timestamp())
    except (ValueError, OverflowError):
        raise HeadendInputError(f"time: {text}: not like 2026-06-01 or 2026-06-01T12:30") from None
