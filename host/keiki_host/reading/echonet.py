"""Reads a meter over the B-route on plain UDP, as a controller of class 0x05FF does (udp://HOST[:PORT]).

Document: ECHONET Lite, part 2 (frames), Appendix 3.3.25 (class 0x0288). A meter answers to port 3610 whatever
port was asked from, so that port of this host must be free, or shared as most controllers do.
"""

import itertools
import socket
import struct
import time
from urllib.parse import parse_qs, urlsplit

from keiki.wire.echonet import frame
from keiki.wire.echonet.energy import UNITS_WH_X1000
from keiki.wire.echonet.epc import NO_CURRENT, NO_ENERGY, NO_POWER
from keiki.wire.slots import SLOT_S, jst_midnight, utc_from_jst

from keiki_host.reading.model import HalfHour, Phase, ReadError, Reading

PORT = 3610
METER, CONTROLLER = 0x028801, 0x05FF01
TRIES = 3
_AT_ONCE = 6
_CLOCK = (0x97, 0x98)
_NOW = (*_CLOCK, 0xE7, 0xE8, 0xD3, 0xE1, 0xE0, 0xE3)
_IDENTITY = (0x8A, 0x8D, 0x82)
_DAY, _IMPORTS, _EXPORTS = 0xE5, 0xE2, 0xE4
_DAY_MAX = 99


class EchonetReader:
    """A meter on UDP; see Reader. `?source=ADDRESS` in the URL: the address of this host to ask from."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self.url = url
        self._try_s = timeout_s / TRIES
        self._tids = itertools.count(int(time.time() * 1000) & 0xFFFF)
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or PORT, type=socket.SOCK_DGRAM)
        except (OSError, ValueError) as error:
            raise self._failed(getattr(error, "strerror", None) or str(error)) from None
        family = found[0][0]
        self._peer: tuple[object, ...] = found[0][4]
        source = parse_qs(parts.query).get("source", [""])[0]
        self._sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._sock.bind((source or _own_address(family, self._peer), PORT))
        except OSError as error:
            self._sock.close()
            raise self._failed(f"port {PORT} of this host: {error.strerror}") from None

    def close(self) -> None:
        """See Reader."""
        self._sock.close()

    def _failed(self, reason: str) -> ReadError:
        return ReadError(f"{self.url}: {reason}")

    def read(self, day: int | None = None) -> Reading:
        """See Reader."""
        if day is not None and not 0 <= day <= _DAY_MAX:
            raise self._failed(f"day: 0 to {_DAY_MAX}")
        values = self._get(_NOW + _IDENTITY)
        try:
            return self._reading(values, day)
        except (struct.error, ValueError, IndexError) as error:
            raise self._failed(f"a value that no meter gives ({error})") from None

    def _reading(self, values: dict[int, bytes], day: int | None) -> Reading:
        unit = _number(values.get(0xE1), "B", 0)
        if unit not in UNITS_WH_X1000:
            raise ValueError(f"E1: {unit:02X}")
        scale = UNITS_WH_X1000[unit] * (_number(values.get(0xD3), ">I", 1) or 1)
        utc_s = _utc_s(values.get(0x98), values.get(0x97))
        power_w = values.get(0xE7)
        return Reading(
            serial=values.get(0x8D, b"").rstrip(b"\0 ").decode("ascii", "replace"),
            utc_s=utc_s,
            power_w=None if power_w is None else _known(_number(power_w, ">i", NO_POWER), NO_POWER),
            import_wh_x1000=_energy(values.get(0xE0), scale),
            export_wh_x1000=_energy(values.get(0xE3), scale),
            phases=_currents(values.get(0xE8)),
            identity=_identity(values),
            half_hours=None if day is None else self._half_hours(day, scale),
        )

    def _half_hours(self, day: int, scale: int) -> tuple[HalfHour, ...]:
        for _ in range(TRIES):
            self._ask(frame.SETC, [(_DAY, bytes((day,)))], frame.SET_RES)
            # why the date with them: midnight may have passed since the clock was read
            values = self._get((_IMPORTS, _EXPORTS, *_CLOCK))
            found = [values[epc] for epc in (_IMPORTS, _EXPORTS) if epc in values]
            # why: a meter that has one E5 for all may have been set to another day by another controller
            if all(struct.unpack_from(">H", value)[0] == day for value in found):
                break
        else:
            raise self._failed(f"day {day}: another controller asks for other days")
        rows = [_counts(values.get(epc), scale) for epc in (_IMPORTS, _EXPORTS)]
        start_s = jst_midnight(_utc_s(values.get(0x98), values.get(0x97)), day)
        return tuple(HalfHour(start_s + n * SLOT_S, rows[0][n], rows[1][n]) for n in range(48))

    def _get(self, epcs: tuple[int, ...]) -> dict[int, bytes]:
        """Values by EPC; what the meter does not have is left out."""
        found: dict[int, bytes] = {}
        for at in range(0, len(epcs), _AT_ONCE):
            part = epcs[at : at + _AT_ONCE]
            answer = self._ask(frame.GET, [(epc, b"") for epc in part], frame.GET_RES, frame.GET_SNA)
            found.update((epc, edt) for epc, edt in answer.props if edt)
        return found

    def _ask(self, esv: int, props: list[tuple[int, bytes]], *wanted: int) -> frame.Frame:
        """One request and its answer; asks again if nothing comes."""
        for _ in range(TRIES):
            tid = next(self._tids) & 0xFFFF
            try:
                self._sock.sendto(frame.encode(tid, CONTROLLER, METER, esv, props), self._peer)
                answer = self._answer(tid)
            except OSError as error:
                raise self._failed(error.strerror or str(error)) from None
            if answer is None:
                continue
            if answer.esv not in wanted:
                raise self._failed(f"the meter refuses (ESV {answer.esv:02X})")
            return answer
        raise self._failed(f"no answer within {TRIES * self._try_s:g} s")

    def _answer(self, tid: int) -> frame.Frame | None:
        end_s = time.monotonic() + self._try_s
        while (left_s := end_s - time.monotonic()) > 0:
            self._sock.settimeout(left_s)
            try:
                data, peer = self._sock.recvfrom(2048)
            except TimeoutError:
                return None
            except ConnectionError:
                continue
            try:
                answer = frame.decode(data)
            except frame.FrameError:
                continue
            if peer[0] == self._peer[0] and answer.tid == tid and answer.seoj == METER:
                return answer
        return None


def _own_address(family: int, peer: tuple[object, ...]) -> str:
    """Return the address of this host that reaches `peer`."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(peer)
        return str(probe.getsockname()[0])


def _number(value: bytes | None, form: str, default: int) -> int:
    return default if value is None else int(struct.unpack(form, value)[0])


def _known(value: int, unknown: int) -> int | None:
    return None if value == unknown else value


def _energy(value: bytes | None, scale: int) -> int | None:
    count = _number(value, ">I", NO_ENERGY)
    return None if count == NO_ENERGY else count * scale


def _counts(value: bytes | None, scale: int) -> list[int | None]:
    """The 48 counts of a day as energies."""
    counts = [NO_ENERGY] * 48 if value is None else struct.unpack_from(">48I", value, 2)
    return [None if count == NO_ENERGY else count * scale for count in counts]


def _currents(value: bytes | None) -> tuple[Phase, ...]:
    if value is None:
        return ()
    r, t = struct.unpack(">hh", value)
    shown = ((name, x10) for name, x10 in (("R", r), ("T", t)) if x10 != NO_CURRENT)
    return tuple(Phase(name, current_a=abs(x10) / 10) for name, x10 in shown)


def _utc_s(date: bytes | None, clock: bytes | None) -> int:
    if date is None or clock is None:
        raise ValueError("no date or no time")
    year, month, day = struct.unpack(">HBB", date)
    return utc_from_jst(year, month, day, clock[0], clock[1])


def _identity(values: dict[int, bytes]) -> dict[str, str]:
    found = {}
    if 0x8A in values:
        found["maker"] = values[0x8A].hex().upper()
    if 0x82 in values and len(values[0x82]) == 4:
        found["release"] = chr(values[0x82][2])
    return found
