"""Code that runs from the flash of an emulated Pico: what that frees, and that it is the same code."""

from typing import Any

from keiki_host import board_data
from keiki_host.flash import app_files
from keiki_host.flash.mpy_parts import LEAST, Function, cuts_of, module_of

from tests.ontarget.conftest import BOARD
from tests.ontarget.test_hal_on_target import BEGIN

LOOK = (
    BEGIN
    + """
import gc, machine, uctypes
import keiki.hal.rp2 as hal
import keiki.core as core
from keiki.hal import rp2_code  # it takes heap of its own

def functions(module):
    "Where the functions are that a module has made."
    kind = machine.mem32[id(places)]
    for value in module.__dict__.values():
        at = id(value)
        if 0x20000000 <= at < 0x20042000 and machine.mem32[at] == kind:
            if machine.mem32[at + 4] == id(module):
                yield at

def places(module):
    "How many functions of a module have their code in flash, and in RAM."
    found = [0, 0]
    for at in functions(module):
        found[machine.mem32[at + 12] >= 0x20000000] += 1
    return found

gc.collect()
before = gc.mem_free()
print("before", *places(core))
hal.free_code(True)
print("after", *places(core))
print("freed", gc.mem_free() - before)
for at in functions(core):
    code = machine.mem32[at + 12]
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


def stays(function: Function, cuts: list[int]) -> bool:
    """Whether a function is too small to be moved, or lies in two blocks of its file."""
    end = function.offset + function.length
    return function.length < LEAST or any(function.offset < cut < end for cut in cuts)


def test_functions_run_from_flash_and_leave_the_heap(pico: Any) -> None:
    said = [line.split() for line in pico.run(LOOK).splitlines()]
    told = {words[0]: words[1:] for words in said}
    print(told)
    code = app_files.code(board_data.load(BOARD["pico"]))["keiki/core.mpy"]
    cuts, waiting, found = cuts_of(len(code)), [module_of(code)], []
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
