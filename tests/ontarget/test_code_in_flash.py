"""Code that runs from the flash of an emulated Pico: what that frees, and that it is the same code."""

from typing import Any

from keiki_host import board_data
from keiki_host.flash import app_files

from tests.ontarget.conftest import BOARD
from tests.ontarget.mpy_functions import Function, module_of
from tests.ontarget.test_hal_on_target import BEGIN

BLOCK = 4096
LEAST = 6
LOOK = (
    BEGIN
    + """
import gc, machine, uctypes
import keiki.hal.rp2 as hal
import keiki.core as core
from keiki.hal import rp2_code  # it takes heap of its own

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
for value in core.__dict__.values():
    if 0x20000000 <= id(value) < 0x20042000 and machine.mem32[id(value)] == machine.mem32[id(places)]:
        code = machine.mem32[id(value) + 12]
        if code >= 0x20000000:
            print("stays", uctypes.bytearray_at(code, 16).hex())

from keiki.wire import update_manifest
def waiting():
    yield 1
    yield 2
late = waiting()
next(late)
hal.free_code(False)
print("late", *places(update_manifest), next(late))
print("again", *update_manifest.parse_version("1.2.34"))
print("unloaded", "keiki.hal.rp2_code" in sys.modules)
"""
)


def pieces(size: int) -> list[int]:
    """Where littlefs cuts a file into blocks: each begins with a pointer per power of two in its number."""
    found, number = [0], 0
    while found[-1] < size:
        found.append(found[-1] + BLOCK - 4 * (number & -number).bit_length())
        number += 1
    return found


def stays(function: Function, cuts: list[int]) -> bool:
    """Whether a function is too small to be moved, or lies in two blocks of its file."""
    end = function.offset + function.length
    return function.length < LEAST or any(function.offset < cut < end for cut in cuts)


def test_functions_run_from_flash_and_leave_the_heap(pico: Any) -> None:
    said = [line.split() for line in pico.run(LOOK).splitlines()]
    told = {words[0]: words[1:] for words in said}
    print(told)
    code = app_files.code(board_data.load(BOARD["pico"]))["keiki/core.mpy"]
    cuts, waiting, found = pieces(len(code)), [module_of(code)], []
    while waiting:
        function = waiting.pop()
        found.append(function)
        waiting += function.children
    in_flash, in_ram = map(int, told["before"])
    assert in_flash == 0 and in_ram > 50
    left = [bytes.fromhex(words[1]) for words in said if words[0] == "stays"]
    assert [in_ram - len(left), len(left)] == [*map(int, told["after"])]
    for begins in left:
        same = [one for one in found if code[one.offset :].startswith(begins[: one.length])]
        assert any(stays(one, cuts) for one in same), begins.hex()
    # what is made when the module is loaded lies in blocks of 16 bytes
    moved = sum(-(-one.length // 16) * 16 for one in found[1:] if not stays(one, cuts))
    assert int(told["freed"][0]) > 0.85 * moved > 20_000, moved
    assert int(told["late"][0]) > 0 and told["late"][2] == "2"
    assert told["again"] == ["1", "2", "34"] and told["unloaded"] == ["False"]
