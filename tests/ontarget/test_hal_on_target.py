"""The hal on a real chip, or on one that is emulated: KEIKI_RP2_UF2=firmware.uf2 pytest tests/ontarget."""

from typing import Any

BEGIN = "import sys\nsys.path.insert(0, '/app')\n"


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
    from tests.ontarget.meter_world import R_W, T_W, VOLTS, wire_metering

    wire_metering(pico)
    said = pico.run(
        BEGIN
        + """
import asyncio, board
from keiki.hal import lines
from keiki.hal.running import ticks_ms
from keiki.core import Bl0942
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
from keiki.core import FileLog, Files
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
