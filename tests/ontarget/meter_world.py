"""A whole meter on an emulated board: two BL0942, a Wi-SUN module, a clock chip, and its controller.

All of it lives on the clock of the chip. Nothing of the firmware is replaced: it starts by its main.py, with
its watchdog, and is asked over the console on its USB.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keiki_host.bench.ics.bl0942 import Bl0942Bus, Parts
from keiki_host.bench.ics.ds3231 import ADDRESS
from keiki_host.bench.rtc import Rtc
from keiki_host.bench.wisun.air import Air
from keiki_host.bench.wisun.core import TextOptions
from keiki_host.bench.wisun.text import TextModule
from keiki_host.board_data import load
from keiki_host.flash import app_files

from tests.ontarget.chip_time import ChipTime
from tests.ontarget.controller import PASSWORD, ROUTE_B_ID, Controller, get_frame
from tests.ontarget.emulated import EmulatedBoard
from tests.ontarget.i2c_part import wire_i2c

VOLTS, R_W, T_W = 101.0, 500.0, 300.0
BEGAN_UTC_MS = 1_788_220_800_000
"""2026-09-01T00:00:00Z."""
SETTINGS = {"route_b_id": ROUTE_B_ID, "route_b_password": PASSWORD}
PACKET = 23
AT_ONCE, PAUSE_MS = 256, 10
"""How a long line is sent over USB, whose buffers have 512 bytes."""
RADIO_BOOT_MS = 3000
"""How long a Wi-SUN module hears nothing after it got power (b-route.md E1.6)."""
_OFF_PINS = (10, 16, 17)  # active low: cover, contact and button


class Phase:
    """A phase with a constant load."""

    frequency_hz = 50.0

    def __init__(self, power_w: float) -> None:
        self.power_w = power_w

    def pieces(self, t0_ms: int, t1_ms: int) -> list[tuple[int, float, float, float]]:
        return [(t1_ms - t0_ms, self.power_w, VOLTS, self.power_w / VOLTS)]


def wire_metering(board: EmulatedBoard) -> Bl0942Bus:
    """Have two BL0942 on UART 0 of an emulated board."""
    front = load("rp2_pico_bl0942").front_end
    parts = Parts(front.burden_mohm * 1000 // front.ct_turns, front.divider_top_ohm, front.divider_bottom_ohm)
    made: list[Bl0942Bus] = []

    def part(write: Callable[[bytes], None]) -> Callable[[bytes], None]:
        made.append(Bl0942Bus(board.now_ms, [Phase(R_W), Phase(T_W)], write, parts=parts))
        return made[0].receive

    board.on_uart(0, part)
    return made[0]


def start_files(name: str, settings: dict[str, Any]) -> dict[str, bytes]:
    """What `keiki flash` puts on a board without ROMFS: the code, what starts it, and its settings."""
    code = app_files.code(load(name))
    return {
        **{f"{app_files.APP_FOLDER}/{path}": data for path, data in code.items()},
        **app_files.start_files(),
        app_files.SETTINGS: app_files.settings_text(settings),
    }


class MeterWorld:
    """`board` and what is around it. `sent` is what the chip has sent to the Wi-SUN module: (ns, byte).

    Since power came: `answered`, packets of the metering chips, and `packets`, how many in which second.
    """

    def __init__(self, kind: str, name: str, uf2: Path, more: dict[str, bytes] | None = None) -> None:
        self.board = board = EmulatedBoard(kind, uf2, {**start_files(name, SETTINGS), **(more or {})})
        self.time = ChipTime(board)
        self.offset_ms = BEGAN_UTC_MS
        self.ics = wire_metering(board)
        board.lines[0].on_silence = self._packet_in
        self.answered = 0
        self.packets: Counter[int] = Counter()
        self.sent: list[tuple[float, int]] = []
        self.air = Air(seed=7)
        self.rtc = Rtc(self.utc_ms)
        wire_i2c(board, 0, ADDRESS, self.rtc.chip)
        board.on_uart(1, self._module)
        for pin in _OFF_PINS:
            board.set_pin(pin, True)
        self.controller = Controller(self.air, self.time, lambda: board.mcu.clock.nanos, board.wake)
        board.on_power.append(self._powered)

    def utc_ms(self) -> int:
        """What time it is in this world."""
        return self.offset_ms + self.board.now_ms()

    def _module(self, write: Callable[[bytes], None]) -> Callable[[bytes], None]:
        self.radio = TextModule(
            "bp35c2", self.air.radio(self.time), self.time, write, options=TextOptions(meter=True)
        )
        clock = self.board.mcu.clock

        def receive(data: bytes) -> None:
            if self.board.since_power_ms() < RADIO_BOOT_MS:
                return
            self.sent.append((clock.nanos, data[0]))
            self.radio.receive(data)

        return receive

    def _packet_in(self, size: int) -> None:
        if size == PACKET:
            self.answered += 1
            self.packets[self.utc_ms() // 1000] += 1
            self.board.wake()

    def _powered(self) -> None:
        self.answered = 0
        self.packets.clear()
        self.ics.power_cycle()
        self.radio.power_cycle()
        self.sent.clear()

    # -- asking -----------------------------------------------------------------------------------------

    def ask(self, request: dict[str, Any], limit_ms: float = 5000) -> Any:
        """Ask the meter's console over USB. AssertionError: no answer, or an error."""
        said = self.board.said
        said.clear()
        line = json.dumps(request).encode() + b"\n"
        for at in range(0, len(line), AT_ONCE):
            self.board.say(line[at : at + AT_ONCE])
            if at + AT_ONCE < len(line):
                self.board.go(PAUSE_MS)
        assert self.board.go(
            limit_ms, lambda: (b'{"ok"' in said and said.endswith(b"\n")) or b'{"error"' in said
        ), said
        answer = json.loads(said[said.rindex(b"\n{") + 1 if b"\n{" in said else said.index(b"{") :])
        assert "ok" in answer, answer
        return answer["ok"]

    def get(self, tid: int, *epcs: int, limit_ms: float = 5000) -> tuple[bytes, dict[str, float]]:
        """Send a Get by radio; returns the datagram that answers, and when in ms after the last byte of the
        request was in at the UART: `first` and `last` byte of SKSENDTO were out there, `there`: it came.

        AssertionError: no answer.
        """
        answers, line = self.controller.answers, self.board.lines[1]
        answers.clear()
        self.sent.clear()
        line.fed = fed = []
        self.controller.send(get_frame(tid, *epcs))
        head = b"\x10\x81" + tid.to_bytes(2, "big")
        assert self.board.go(limit_ms, lambda: any(data.startswith(head) for _, data in answers)), "no answer"
        at_ns, data = next(item for item in answers if item[1].startswith(head))
        line.fed = None
        in_ns = next(ns for ns, byte in fed if byte == ord("\n"))  # ERXUDP is the first line
        said = bytes(byte for _, byte in self.sent)  # something else may be on its way, or after it
        begin = said.index(data)
        first = said.rindex(b"SKSENDTO", 0, begin)
        return data, {
            "first": (self.sent[first][0] - in_ns) / 1e6,
            "last": (self.sent[begin + len(data) - 1][0] - in_ns) / 1e6,
            "there": (at_ns - in_ns) / 1e6,
        }
