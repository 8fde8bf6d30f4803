"""Records what a driver and its metering IC say to each other, for MicroPython to play it (sampling_main.py).

A recording is a line of JSON and then events: kind and length, one byte each, and data. "T" begins a sample,
with its ms; "S" is an SPI frame, both ways; "W" is written to a UART, "R" is read from it, length 255 if
nothing came.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keiki_host.bench.faults import NO_FAULTS
from keiki_host.bench.waves import Point, Wave

from tests.host.ic_sessions import KINDS

RATING_A = 60
SAMPLES = 100 + 3 * 300 + 2
LEGS = (Point(voltage_v=103.0, current_a=20.0), Point(voltage_v=98.0, current_a=12.0, power_factor=0.8))
_SILENCE = 255


class Tape:
    """The events so far."""

    def __init__(self) -> None:
        self.events = bytearray()

    def put(self, kind: str, data: bytes, length: int | None = None) -> None:
        """One more."""
        self.events += bytes((ord(kind), len(data) if length is None else length)) + data


class _Spi:
    def __init__(self, tape: Tape, spi: Any) -> None:
        self._tape, self._spi = tape, spi

    def transfer(self, tx: Any, rx: Any) -> None:
        self._spi.transfer(tx, rx)
        self._tape.put("S", bytes(tx) + bytes(rx), len(tx))


class _Streams:
    def __init__(self, tape: Tape, reader: Any, writer: Any = None) -> None:
        self._tape, self._reader, self._writer = tape, reader, writer

    def write(self, data: bytes) -> None:
        self._tape.put("W", bytes(data))
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    async def readinto(self, view: Any) -> int:
        try:
            count: int = await self._reader.readinto(view)
        except BaseException:
            self._tape.put("R", b"", _SILENCE)
            raise
        self._tape.put("R", bytes(view[:count]))
        return count


def _bl0942(tape: Tape, world: Any) -> dict[str, Any]:
    driver = world.driver
    driver._reader = driver._writer = _Streams(tape, driver._reader, driver._writer)
    scale = {"lsb_per_v_x1000": driver._v, "lsb_per_a_x1000": driver._a, "lsb_per_w_x1000": driver._w}
    return {"ic": "bl0942", "uart": 0, "baudrate": 9600, "addresses": [0, 1], "scale": scale}


def _cse7766(tape: Tape, world: Any) -> dict[str, Any]:
    driver = world.driver
    for chip in driver._chips:
        chip.reader = _Streams(tape, chip.reader)
    scale = {"ratio_v_x1000000": driver._v, "ratio_a_x1000000": driver._a}
    return {"ic": "cse7766", "uarts": [0, 2], "scale": scale}


def _atm90e32(tape: Tape, world: Any) -> dict[str, Any]:
    link = world.driver._link
    link._spi = _Spi(tape, link._spi)
    return {"ic": "atm90e32", "spi": 0, "cs": 0, **world.driver._data}


def _ade7953(tape: Tape, world: Any) -> dict[str, Any]:
    wires: dict[str, Any] = {"uarts": [0, 2]}
    for chip in world.driver._chips:
        transport = chip._link._transport
        if hasattr(transport, "_spi"):
            transport._spi = _Spi(tape, transport._spi)
            wires = {"spi": 0, "cs": [0, 1], "baudrate": 1000000, "polarity": 0, "phase": 0}
        else:
            transport._reader = transport._writer = _Streams(tape, transport._reader, transport._writer)
    return {"ic": "ade7953", **wires, **world.data}


_TAPS: dict[str, Callable[[Tape, Any], dict[str, Any]]] = {
    "bl0942": _bl0942,
    "cse7766": _cse7766,
    "atm90e32": _atm90e32,
    "ade7953": _ade7953,
}


def record(name: str, path: Path) -> float:
    """Record SAMPLES samples of a second of an IC (one of KINDS) on two legs; returns the Wh that flowed."""
    legs = [Wave(point) for point in LEGS]
    session = KINDS[name].make(legs, RATING_A, NO_FAULTS, True)
    tape = Tape()
    board = _TAPS[name.split(",", maxsplit=1)[0]](tape, session)
    snapshot = session.driver.snapshot

    def begun(now_ms: int) -> Any:
        tape.put("T", now_ms.to_bytes(8, "little"))
        return snapshot(now_ms)

    session.driver.snapshot = begun
    for at_s in range(SAMPLES):
        session.snapshot(at_s)
    about = {"board": board, "rating_a": RATING_A, "phases": len(legs)}
    path.write_bytes(json.dumps(about).encode() + b"\n" + bytes(tape.events))
    return sum(leg.spans(0, 1)[0].p_w for leg in legs) * (SAMPLES - 1) / 3600
