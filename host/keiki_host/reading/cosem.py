"""Reads a meter over the A-route, DLMS/COSEM on TCP; its URL is that of keiki_host/cosem/address.py."""

from typing import Any

from keiki.wire.cosem import datetime12, selection
from keiki.wire.cosem.results import AccessError
from keiki.wire.slots import DAY_S, SLOT_S, jst_midnight

from keiki_host.cosem import address
from keiki_host.cosem.link import LinkError, MeterLink
from keiki_host.reading.model import HalfHour, Phase, ReadError, Reading

CLOCK_INVALID = 0x02
_BY_RANGE: Any = selection.by_range
# what is read at once: name, class, OBIS; registers with their scaler
_VALUES = (
    ("clock", 8, "0.0.1.0.0"),
    ("serial", 1, "0.0.96.1.0"),
    ("firmware", 1, "1.0.0.2.0"),
    ("import_wh", 3, "1.0.1.8.0"),
    ("export_wh", 3, "1.0.2.8.0"),
    ("import_w", 3, "1.0.1.7.0"),
    ("export_w", 3, "1.0.2.7.0"),
    ("frequency", 3, "1.0.14.7.0"),
    ("current_r", 3, "1.0.31.7.0"),
    ("voltage_r", 3, "1.0.32.7.0"),
    ("current_t", 3, "1.0.51.7.0"),
    ("voltage_t", 3, "1.0.52.7.0"),
)


def obis(text: str) -> bytes:
    """The six bytes of "a.b.c.d.e", with f = 255."""
    return bytes([*map(int, text.split(".")), 255])


class CosemReader:
    """A meter's A-route; see Reader. InputError: no keys."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self.url = url.partition("?")[0]
        where = address.parse(url)
        try:
            self._link = MeterLink(where.host, where.port, where.keys, timeout_s)
        except LinkError as error:
            raise ReadError(str(error)) from None

    def read(self, day: int | None = None) -> Reading:
        """See Reader."""
        try:
            values = self._values()
            utc_s = datetime12.instant(values["clock"])
            if utc_s is None:
                raise ReadError(f"{self.url}: the meter has no time")
            return Reading(
                serial=values.get("serial", b"").decode("ascii", "replace"),
                utc_s=utc_s,
                power_w=_power_w(values),
                import_wh_x1000=_wh_x1000(values, "import_wh"),
                export_wh_x1000=_wh_x1000(values, "export_wh"),
                phases=tuple(_phases(values)),
                identity={"firmware": values["firmware"].decode("ascii", "replace")}
                if "firmware" in values
                else {},
                half_hours=None if day is None else self._day(utc_s, day),
            )
        except LinkError as error:
            raise ReadError(str(error)) from None
        except AccessError as error:
            raise ReadError(f"{self.url}: the meter refuses ({error})") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ReadError(f"{self.url}: a value that no meter gives ({error!r})") from None

    def _values(self) -> dict[str, Any]:
        """What the meter has of _VALUES; registers as (value, power of ten)."""
        wanted = [((class_id, obis(name), 2), None) for _, class_id, name in _VALUES]
        scalers = [((class_id, obis(name), 3), None) for _, class_id, name in _VALUES if class_id == 3]
        found = self._link.get_list(wanted)
        scales = iter(self._link.get_list(scalers))
        values = {}
        for (name, class_id, _), value in zip(_VALUES, found, strict=True):
            scale = next(scales) if class_id == 3 else None
            if not isinstance(value, AccessError) and not isinstance(scale, AccessError):
                values[name] = value if scale is None else (value, scale[0])
        return values

    def _day(self, now_s: int, day: int) -> tuple[HalfHour, ...]:
        start_s = jst_midnight(now_s, day)
        rows = self._link.get((7, obis("1.0.99.1.0"), 2), _BY_RANGE(start_s, start_s + DAY_S - 1))
        found = {
            datetime12.instant(clock): (imported * 1000, exported * 1000)
            for clock, status, imported, exported in rows
            if not status & CLOCK_INVALID
        }
        times = range(start_s, start_s + DAY_S, SLOT_S)
        return tuple(HalfHour(at_s, *found.get(at_s, (None, None))) for at_s in times)

    def close(self) -> None:
        """See Reader."""
        self._link.close()


def _scaled(values: dict[str, Any], name: str, digits: int) -> float | None:
    if name not in values:
        return None
    value, power = values[name]
    return round(float(value * 10.0**power), digits)


def _wh_x1000(values: dict[str, Any], name: str) -> int | None:
    if name not in values:
        return None
    value, power = values[name]
    wh_x1000: float = value * 10.0 ** (power + 3)
    return round(wh_x1000)


def _power_w(values: dict[str, Any]) -> float | None:
    imported, exported = _scaled(values, "import_w", 1), _scaled(values, "export_w", 1)
    return None if imported is None or exported is None else imported - exported


def _phases(values: dict[str, Any]) -> list[Phase]:
    return [
        Phase(
            name.upper(),
            _scaled(values, f"voltage_{name}", 2),
            _scaled(values, f"current_{name}", 3),
            frequency_hz=_scaled(values, "frequency", 2),
        )
        for name in ("r", "t")
        if f"voltage_{name}" in values
    ]
