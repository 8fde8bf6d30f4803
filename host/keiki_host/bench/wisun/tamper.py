"""Faults done to ECHONET Lite frames in flight: answers lost, late and wrong, announcements in between.

Ref: b-route.md L5, L6 (no-data codes, negative values), L8. A `Tamper` is one of `Air.filters`. It changes
only what it can read as a frame on port 3610, and asks for a fault only where the fault fits, so that a
`count` is used up by frames that were really changed.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from keiki.wire.echonet import frame
from keiki.wire.echonet.frame import Frame, FrameError

from keiki_host.bench.faults import Faults
from keiki_host.bench.wisun.air import Datagram

PORT = 3610
METER_CLASS = 0x0288
NODE_PROFILE = 0x0EF001

_GETS = (frame.GET_RES, frame.GET_SNA)
_VALUES = (frame.GET_RES, frame.GET_SNA, frame.INF, frame.INFC)
_ANSWERS = (
    frame.GET_RES,
    frame.GET_SNA,
    frame.SET_RES,
    frame.SETC_SNA,
    frame.SETI_SNA,
    frame.INF_SNA,
    frame.SETGET_RES,
    frame.SETGET_SNA,
)
_INF_GAP_MS = 20

_NO_DATA = {
    # EPC: bytes to keep, code that fills the rest
    0xD0: (7, "FFFFFFFE"),
    0xE0: (0, "FFFFFFFE"),
    0xE2: (2, "FFFFFFFE"),
    0xE3: (0, "FFFFFFFE"),
    0xE4: (2, "FFFFFFFE"),
    0xE7: (0, "7FFFFFFE"),
    0xE8: (0, "7FFE"),
    0xEA: (7, "FFFFFFFE"),
    0xEB: (7, "FFFFFFFE"),
    0xEC: (7, "FFFFFFFE"),
    0xEE: (7, "FFFFFFFE"),
}
_NO_CURRENT = bytes.fromhex("7FFE")

Params = dict[str, Any]
Fits = Callable[[Frame, Params], bool]


class Tamper:
    """The filter of one meter: `air.filters.append(Tamper(faults, mac))`; `mac` None: of every meter."""

    def __init__(self, faults: Faults, meter_mac: bytes | None = None) -> None:
        self._faults = faults
        self._meter_mac = meter_mac
        self._tids: dict[bytes, tuple[int, int | None]] = {}
        self._push: list[tuple[int, bytes]] = []

    def __call__(self, datagram: Datagram) -> list[Datagram]:
        """Return what takes the place of `datagram`: nothing, itself, a changed one, or more than one."""
        ours = datagram.dst if datagram.to_meter else datagram.src
        if datagram.dport != PORT or self._meter_mac not in (None, ours):
            return [datagram]
        try:
            message = frame.decode(datagram.data)
        except FrameError:
            return [datagram]
        if datagram.to_meter:
            return self._request(datagram, message)
        return self._from_meter(datagram, message)

    def _request(self, datagram: Datagram, message: Frame) -> list[Datagram]:
        if message.esv == frame.INFC_RES:
            return [] if self._faults.hit("infc_unacked") else [datagram]
        last, before = self._tids.get(datagram.src, (None, None))
        if last != message.tid:
            self._tids[datagram.src] = (message.tid, before if last is None else last)
        return [datagram]

    def _from_meter(self, datagram: Datagram, message: Frame) -> list[Datagram]:
        answer = message.esv in _ANSWERS
        if message.esv in (frame.INF, frame.INFC) and message.seoj >> 8 == METER_CLASS:
            self._push = [prop for prop in message.props if prop[0] in (0xEA, 0xEB)]
        changed = False
        for name, only_answers, fits, change in _CHANGES:
            if only_answers and not answer:
                continue
            if params := self._faults.hit(name, partial(fits, message)):
                change(message, params)
                changed = True
        data = _encode(message) if changed else datagram.data
        if answer:
            if self._faults.hit("old_tid"):
                data = data[:2] + self._old_tid(datagram.dst, message.tid).to_bytes(2, "big") + data[4:]
            if message.props_get is None and (params := self._faults.hit("opc_mismatch")):
                data = _one_more(data, message, params["malformed"])
        return self._deliver(replace(datagram, data=data), message, answer)

    def _old_tid(self, controller: bytes | None, tid: int) -> int:
        _, before = self._tids.get(controller or b"", (None, None))
        return (tid - 1) & 0xFFFF if before is None else before

    def _deliver(self, datagram: Datagram, message: Frame, answer: bool) -> list[Datagram]:
        if not answer:
            return [datagram]
        if self._faults.hit("no_answer"):
            return []
        if params := self._faults.hit("late_answer"):
            datagram = replace(datagram, delay_ms=datagram.delay_ms + round(1000 * params["seconds"]))
        delivered = [datagram]
        if self._faults.hit("duplicate_answer"):
            delivered.append(replace(datagram, delay_ms=datagram.delay_ms + _INF_GAP_MS))
        if message.esv in _GETS and self._faults.hit("inf_during_get"):
            inf = replace(datagram, data=self._announcement(message.tid))
            later = [replace(item, delay_ms=item.delay_ms + _INF_GAP_MS) for item in delivered]
            return [inf, *later]
        return delivered

    def _announcement(self, tid: int) -> bytes:
        """The last push again, or the instance list: true either way, and known to every client."""
        tid = (tid + 0x8000) & 0xFFFF
        if self._push:
            return frame.encode(tid, 0x028801, 0x05FF01, frame.INF, self._push)
        instances = [(0xD5, bytes.fromhex("01028801"))]
        return frame.encode(tid, NODE_PROFILE, NODE_PROFILE, frame.INF, instances)


def _encode(message: Frame) -> bytes:
    return frame.encode(
        message.tid, message.seoj, message.deoj, message.esv, message.props, message.props_get
    )


def _one_more(data: bytes, message: Frame, malformed: bool) -> bytes:
    """The frame with one property more than was asked for, or with a count that only says so."""
    count = data[11]
    epc, edt = message.props[-1]
    extra = b"" if malformed else bytes([epc, len(edt)]) + edt
    return data[:11] + bytes([count + 1 & 0xFF]) + data[12:] + extra


def _is_meter(message: Frame) -> bool:
    return message.esv in _VALUES and message.seoj >> 8 == METER_CLASS


def _has(*epcs: int) -> Fits:
    def fits(message: Frame, params: Params) -> bool:
        return _is_meter(message) and any(
            edt and epc in epcs and epc in params.get("epcs", epcs) for epc, edt in message.props
        )

    return fits


def _no_data(message: Frame, params: Params) -> None:
    def changed(epc: int, edt: bytes) -> bytes:
        if epc not in params["epcs"] or not edt:
            return edt
        keep, code = _NO_DATA[epc]
        fill = bytes.fromhex(code)
        return edt[:keep] + fill * ((len(edt) - keep) // len(fill))

    message.props = [(epc, changed(epc, edt)) for epc, edt in message.props]


def _negative(message: Frame, params: Params) -> None:
    power = int(params["power_w"]).to_bytes(4, "big", signed=True)
    current = int(params["current_a_x10"]).to_bytes(2, "big", signed=True)

    def changed(epc: int, edt: bytes) -> bytes:
        if epc == 0xE7 and edt:
            return power
        if epc == 0xE8 and edt:
            return b"".join(phase if phase == _NO_CURRENT else current for phase in (edt[:2], edt[2:]))
        return edt

    message.props = [(epc, changed(epc, edt)) for epc, edt in message.props]


def _unit(message: Frame, params: Params) -> None:
    code = bytes([params["code"]])
    message.props = [(epc, code if epc == 0xE1 and edt else edt) for epc, edt in message.props]


def _has_data(message: Frame, _: Params) -> bool:
    return message.esv in _GETS and any(edt for _, edt in message.props)


def _short(message: Frame, params: Params) -> None:
    message.props = [(epc, edt[: max(0, len(edt) - params["bytes"])]) for epc, edt in message.props]


def _empty(message: Frame, params: Params) -> None:
    message.props = [(epc, b"") for epc, _ in message.props]


def _reverse(message: Frame, params: Params) -> None:
    message.props = message.props[::-1]


def _seoj(message: Frame, params: Params) -> None:
    message.seoj = params["seoj"]


_CHANGES: tuple[tuple[str, bool, Fits, Callable[[Frame, Params], None]], ...] = (
    # fault, answers only, where it fits, what it does
    ("no_data", False, _has(*_NO_DATA), _no_data),
    ("negative", False, _has(0xE7, 0xE8), _negative),
    ("unit_undefined", False, _has(0xE1), _unit),
    ("pdc_short", True, _has_data, _short),
    ("pdc_zero", True, lambda message, _: message.esv == frame.GET_RES, _empty),
    ("epc_reordered", True, lambda message, _: len(message.props) > 1, _reverse),
    ("wrong_seoj", True, lambda message, _: True, _seoj),
)
