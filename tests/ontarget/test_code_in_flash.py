"""Code that runs from the flash of an emulated Pico: what that frees, and that it is the same code."""

from typing import Any

from tests.ontarget.test_hal_on_target import BEGIN

FREED = 25_000
LOOK = (
    BEGIN
    + """
import gc, machine
import keiki.hal.rp2 as hal
import keiki.core as core

def places(module):
    "How many functions of a module have their code in flash, and in RAM."
    found = [0, 0]
    function = machine.mem32[id(places)]
    for value in module.__dict__.values():
        if 0x20000000 <= id(value) < 0x20042000 and machine.mem32[id(value)] == function:
            found[machine.mem32[id(value) + 12] >= 0x20000000] += 1
    return found

gc.collect()
before = gc.mem_free()
print("before", *places(core))
hal.free_code(True)
print("after", *places(core))
print("freed", gc.mem_free() - before)

from keiki.drivers import filelog
def waiting():
    yield 1
    yield 2
late = waiting()
next(late)
hal.free_code(False)
print("late", *places(filelog), next(late))
print("again", filelog.blocks_for(100, 36))
print("unloaded", "keiki.hal.rp2_code" in sys.modules)
"""
)


def test_functions_run_from_flash_and_leave_the_heap(pico: Any) -> None:
    said = {words[0]: words[1:] for words in map(str.split, pico.run(LOOK).splitlines())}
    print(said)
    in_flash, in_ram = map(int, said["before"])
    assert in_flash == 0 and in_ram > 50
    in_flash, in_ram = map(int, said["after"])
    # a function that lies in two blocks of the file stays, and so does one of 16 bytes
    assert in_flash > 9 * in_ram > 0
    assert int(said["freed"][0]) >= FREED
    assert int(said["late"][0]) > 0 and said["late"][2] == "2"
    assert said["again"] == ["2"] and said["unloaded"] == ["False"]
