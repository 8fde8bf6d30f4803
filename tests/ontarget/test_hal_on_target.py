"""The hal on a real chip, or on one that is emulated: KEIKI_RP2_UF2=firmware.uf2 pytest tests/ontarget."""

from typing import Any

from keiki_host.bench.ics.bl0942 import Bl0942Bus, Parts
from keiki_host.board_data import load

BEGIN = "import sys\nsys.path.insert(0, '/app')\n"
VOLTS, R_W, T_W = 101.0, 500.0, 300.0


class Phase:
    """A phase with a constant load."""

    frequency_hz = 50.0

    def __init__(self, power_w: float) -> None:
        self._power_w = power_w

    def pieces(self, t0_ms: int, t1_ms: int) -> list[tuple[int, float, float, float]]:
        return [(t1_ms - t0_ms, self._power_w, VOLTS, self._power_w / VOLTS)]


def wire_metering(pico: Any) -> None:
    """Have two BL0942 on UART 0 of an emulated board."""
    front = load("rp2_pico_bl0942").front_end
    parts = Parts(front.burden_mohm * 1000 // front.ct_turns, front.divider_top_ohm, front.divider_bottom_ohm)
    pico.on_uart(
        0, lambda write: Bl0942Bus(pico.now_ms, [Phase(R_W), Phase(T_W)], write, parts=parts).receive
    )


def test_the_hal_loads_and_the_chip_has_an_identity(target: Any) -> None:
    said = target.run(
        BEGIN
        + """
import sys, gc
name = sys.platform
hal = __import__("keiki.hal." + name, None, None, (name,))
gc.collect()
print(len(hal.unique_id()), 0 <= hal.random_below(10) < 10, hal.addresses(), gc.mem_free())
"""
    ).split()
    print(f"free heap with the hal loaded: {said[-1]} bytes")
    assert said[:-1] == ["8", "True", "(None,", "None)"]


def test_ticks_go_on(target: Any) -> None:
    said = target.run(
        BEGIN
        + """
import time
from keiki.hal.running import ticks_ms
a = ticks_ms()
time.sleep_ms(50)
print(ticks_ms() - a)
"""
    )
    assert 50 <= int(said) < 70


def test_a_metering_chip_is_read_over_the_uart(pico: Any) -> None:
    wire_metering(pico)
    said = pico.run(
        BEGIN
        + """
import asyncio, board
from keiki.hal import lines
from keiki.hal.running import ticks_ms
from keiki.drivers.metering_bl0942 import Bl0942
line = lines.uart(0, 9600)
ic = board.METERING
stream = asyncio.StreamReader(line)
driver = Bl0942(stream, stream, ic["addresses"], ic["scale"], 12000)
async def main():
    found = None
    for _ in range(4):
        found = await driver.snapshot(ticks_ms())
        await asyncio.sleep_ms(900)
    print(found.voltage_v_x100[0], found.power_w_x10[0], found.power_w_x10[1])
asyncio.run(main())
"""
    )
    volts, r_w, t_w = (int(word) for word in said.split())
    assert abs(volts - VOLTS * 100) <= 2 and abs(r_w - R_W * 10) <= 10 and abs(t_w - T_W * 10) <= 10


def test_a_log_in_files_is_found_again(target: Any) -> None:
    said = target.run(
        BEGIN
        + """
from keiki.hal import rp2
from keiki.drivers.filelog import FileLog, Files
def log():
    return FileLog(Files(rp2.files(), "ontarget"), 9, 36, 2)
first = log()
for i in range(3):
    first.append(bytes((i,)) * 32)
again = log()
found = bytearray(32)
print(again.end - first.end, again.read_into(again.end - 1, found), found == bytes((2,)) * 32)
"""
    )
    assert said.split() == ["0", "True", "True"]
