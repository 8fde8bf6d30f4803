"""What `keiki bench` was asked for, checked: anything wrong is an InputError before anything starts."""

import datetime
import ipaddress
import random
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from keiki.wire import settings as table

from keiki_host.bench.faults import Entry

JST = datetime.timezone(datetime.timedelta(hours=9))
DongleName = Literal["bp35a1", "bp35c2", "rl7023ips", "j11"]
DIALECTS: tuple[DongleName, ...] = get_args(DongleName)
DLMS_KEYS = ("dlms_kek", "dlms_ek", "dlms_ak", "dlms_read_ek", "dlms_read_ak")
ICS = {
    "bl0942": "unix",
    "atm90e32": "unix_atm90e32",
    "ade7953": "unix_ade7953",
    "cse7766": "unix_cse7766",
}
"""Each metering IC, and the folder of boards/ that has it."""


class InputError(Exception):
    """Wrong input: one line that names the field and the reason."""


@dataclass(frozen=True)
class BenchOptions:
    """A bench to build. Times are UTC seconds; `start_s` None = now."""

    meters: int = 1
    ic: str = "bl0942"
    dialects: tuple[DongleName, ...] = ("bp35c2",)
    load: str = "house"
    start_s: float | None = None
    speed: float = 1.0
    seed: int = 0
    state: Path | None = None
    truth: Path | None = None
    faults: tuple[Entry, ...] = ()
    radio: Literal["fast", "real"] = "fast"
    udp4: str = "127.0.0.2"
    udp6: str | None = None
    link: Path | None = None
    headend: bool = False
    history_days: int = 0
    noisy: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    def meter_address(self, index: int) -> str:
        """IPv4 address of meter `index` (0 ..)."""
        return str(ipaddress.IPv4Address(self.udp4) + index)

    def made_settings(self, index: int) -> dict[str, Any]:
        """Serial number, credentials and keys of meter `index`, made from the seed."""
        chance = random.Random(f"keiki {self.seed} {index}")
        return {
            "serial": f"KEIKI{index + 1:07d}",
            "route_b_id": "".join(chance.choices("0123456789ABCDEF", k=32)),
            "route_b_password": "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=12)),
            **{name: chance.randbytes(16).hex() for name in DLMS_KEYS},
        }


def parse_start(text: str) -> float | None:
    """Return UTC seconds of `now` (None) or an ISO 8601 time; without an offset it is Japan's."""
    if text == "now":
        return None
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"start: {text!r} is neither 'now' nor an ISO 8601 time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=JST)
    if not 1970 < moment.year < 2100:
        raise InputError(f"start: year {moment.year} is not between 1971 and 2099")
    return moment.timestamp()


def parse_dialects(texts: list[str]) -> tuple[DongleName, ...]:
    """Return the dongles asked for, from repeated options or lists with commas."""
    chosen = []
    for part in (part for text in texts for part in text.replace(",", " ").split()):
        found = [dialect for dialect in DIALECTS if dialect == part]
        if not found:
            raise InputError(f"dialect: {part!r} is not one of {', '.join(DIALECTS)}")
        chosen += found
    return tuple(chosen)


def parse_radio(text: str) -> Literal["fast", "real"]:
    """Return how long scans and joins take."""
    if text == "fast":
        return "fast"
    if text == "real":
        return "real"
    raise InputError(f"radio: {text!r} is neither fast nor real")


def parse_ic(text: str) -> str:
    """Return the metering IC."""
    if text not in ICS:
        raise InputError(f"ic: {text!r} is not one of {', '.join(ICS)}")
    return text


def parse_udp4(text: str, meters: int) -> str:
    """Return the first meter's IPv4 address; a meter on 127.0.0.1 or a wildcard cannot be heard here."""
    try:
        address = ipaddress.IPv4Address(text)
        last = address + (meters - 1)
    except ValueError:
        raise InputError(f"udp4: {text!r} is not an IPv4 address with room for {meters} meters") from None
    if (
        address <= ipaddress.IPv4Address("127.0.0.1") <= last
        or address.is_unspecified
        or address.is_multicast
    ):
        raise InputError(f"udp4: a meter on {text} cannot be heard by clients on this host; use 127.0.0.2")
    return text


def parse_udp6(text: str | None, meters: int) -> str | None:
    """Return the meter's IPv6 address, perhaps with a %zone."""
    if text is None:
        return None
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        raise InputError(f"udp6: {text!r} is not an IPv6 address") from None
    if meters > 1:
        raise InputError("udp6: only one meter can have it; leave out --meters")
    return text


def load_settings(path: Path | None, overrides: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a TOML file, under `overrides`, each checked by the firmware's own table."""
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text())
        except OSError as error:
            raise InputError(f"config: {path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"config: {path}: {error}") from None
    values.update({name: value for name, value in overrides.items() if value is not None})
    for name, value in values.items():
        try:
            values[name] = table.check(name, value.isoformat() if isinstance(value, datetime.date) else value)
        except table.SettingError as error:
            raise InputError(f"config: {error}") from None
    return values
