"""Updates of the whole meter on an emulated Pico: signed, cut off by a power cut, and one that cannot start.

It comes over USB while the meter measures and answers the B-route; the chip resets itself into what is new.
"""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from keiki.meter.update_record import BEGUN, CONFIRMED, INSTALLED, RETURNED
from keiki_host.board_data import load
from keiki_host.flash import app_files
from keiki_host.update import bundle, keys
from keiki_host.update.bundle import Bundle, Identity

from tests.ontarget import figures

pytestmark = pytest.mark.long
BOARD = "rp2_pico_bl0942"
PIECE = 240
"""Bytes in a request, which is one packet of USB or two."""
CHECK_MS = 5000
GOOD_AFTER_MS = 90_000


class Updated:
    """A meter that is updated, and what it is updated with."""

    def __init__(self, uf2: Path) -> None:
        from tests.ontarget.meter_world import MeterWorld

        self.world = MeterWorld("pico", BOARD, uf2)
        self.key = rsa.generate_private_key(65537, 3072)
        self.slowest_ms = 0.0

    def start(self) -> None:
        """Give it power, and wait until it measures and a controller has joined."""
        self.world.board.power_on()
        self.world.controller.meter = None
        self.world.controller.search()
        self.go(20_000, lambda: self.world.controller.meter is not None)

    def go(self, limit_ms: float, until: Callable[[], bool]) -> None:
        """Let time pass until it is so. AssertionError: it takes longer."""
        assert self.world.board.go(limit_ms, until), bytes(self.world.board.said)

    def made(self, version: str, files: dict[str, bytes]) -> Bundle:
        """A bundle for this board."""
        return bundle.read(bundle.make(Identity(BOARD, version), files, self.key))

    def update(self, do: str, **more: Any) -> dict[str, Any]:
        """Ask the console, and wait until nothing is being checked."""
        before_ms = self.world.board.since_power_ms()
        status: dict[str, Any] = self.world.ask({"op": "update", "do": do, **more})
        while status["state"] == "checking":
            self.world.board.go(20)
            status = self.world.ask({"op": "update", "do": "status"})
        took_ms = self.world.board.since_power_ms() - before_ms
        if do != "status":
            self.slowest_ms = max(self.slowest_ms, took_ms)
        return status

    def send(self, new: Bundle, most: int = 1 << 30) -> dict[str, Any]:
        """Send a bundle, or go on with it, up to `most` bytes of it."""
        status = self.update("begin", id=new.id.hex(), size=len(new.data), older=False)
        while status["state"] == "receiving" and status["offset"] < min(most, len(new.data)):
            at = status["offset"]
            data = base64.b64encode(new.data[at : at + PIECE]).decode()
            status = self.update("data", offset=at, data=data)
        return status

    def activate(self) -> None:
        """Have the new version start; returns when something measures again."""
        assert self.update("activate")["state"] == "activated"
        board, resets = self.world.board, self.world.board.resets
        board.say(json.dumps({"op": "restart"}).encode() + b"\n")
        self.go(20_000, lambda: board.resets > resets)
        answered = self.world.answered
        self.go(60_000, lambda: self.world.answered > answered + 1)
        board.go(1000)

    def registers(self) -> int:
        """The import register, while its chips answer."""
        status = self.world.ask({"op": "status"})
        assert status["ic_answers"] and not status["lost"], status
        return int(status["import_wh_x1000"])

    def told(self) -> list[int]:
        """What the newest events tell of updates, oldest first (update_record.py)."""
        events = self.world.ask({"op": "events"})["events"]
        return [source for _, _, kind, source, *_ in reversed(events) if kind == "update"]


@pytest.fixture(scope="module")
def meter(pico_image: Path) -> Iterator[Updated]:
    """A meter that runs what it was flashed with, and knows the key of its updates."""
    meter = Updated(pico_image)
    meter.start()
    modulus = base64.b64encode(keys.modulus_of(meter.key.public_key())).decode()
    assert meter.update("key", modulus=modulus)["has_key"]
    yield meter


def test_it_comes_while_the_meter_answers_and_goes_on_after_a_power_cut(meter: Updated) -> None:
    new = meter.made("0.2.0", app_files.update(load(BOARD), "0.2.0"))
    before_ms = meter.world.board.since_power_ms()
    half = meter.send(new, len(new.data) // 2)
    took_s = (meter.world.board.since_power_ms() - before_ms) / 1000
    assert half["state"] == "receiving"
    figures.tell("update: bytes in a second, over USB", half["offset"] / took_s, "bytes")
    name = "update: longest of a request, the check of the signature in it"
    figures.tell(name, meter.slowest_ms, "ms", most=CHECK_MS)
    free = meter.world.ask({"op": "memory"})["free"]
    figures.tell("update: free heap while it comes", free, "bytes")
    assert meter.slowest_ms < CHECK_MS
    data, _ = meter.world.get(500, 0xE7)
    assert data[-6:].hex() == "e70400000320"
    booked = meter.registers()
    meter.start()  # the power was cut
    whole = meter.send(new)
    assert (whole["state"], whole["offset"]) == ("receiving", len(new.data))
    assert meter.slowest_ms < CHECK_MS
    assert meter.update("verify")["state"] == "verified"
    figures.tell("update: check of all files", meter.slowest_ms, "ms")
    meter.activate()
    status = meter.update("status")
    assert (status["runs"], status["good"]) == ("0.2.0", False)
    assert meter.registers() >= booked
    meter.world.board.go(GOOD_AFTER_MS)
    assert meter.update("status")["good"]
    assert meter.told() == [BEGUN, INSTALLED, CONFIRMED]


def test_one_of_another_key_or_for_another_board_is_refused(meter: Updated) -> None:
    stranger = bundle.make(Identity(BOARD, "9.0.0"), {"a": b"b"}, rsa.generate_private_key(65537, 3072))
    status = meter.send(bundle.read(stranger))
    assert (status["state"], status["runs"]) == ("refused", "0.2.0") and "signature" in status["reason"]
    other = bundle.make(Identity("rp2_picow_bl0942", "9.0.0"), {"a": b"b"}, meter.key)
    status = meter.send(bundle.read(other))
    assert status["state"] == "refused" and "board" in status["reason"]


def test_one_that_cannot_start_makes_way_and_nothing_is_lost(meter: Updated) -> None:
    booked = meter.registers()
    meter.send(meter.made("0.3.0", {"keiki_main.mpy": b"no code at all"}))
    assert meter.update("verify")["state"] == "verified"
    meter.activate()
    status = meter.update("status")
    assert (status["runs"], status["good"]) == ("0.2.0", True)
    assert meter.registers() >= booked
    assert meter.told()[-3:] == [BEGUN, INSTALLED, RETURNED]
