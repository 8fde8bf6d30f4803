"""Code that runs from the flash of an emulated Pico: what that frees, and that it is the same code."""

from pathlib import Path
from typing import Any

from keiki_host import board_data
from keiki_host.bench.firmware_classes import nameless
from keiki_host.flash import app_files
from keiki_host.flash.mpy_parts import LEAST, Function, cuts_of, module_of

from tests.host.mpy_sample import compiled
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


QUICK = f"""
A_TEXT = {"a file that is smaller than this lies with its folder, which moves " * 8!r}

@micropython.viper
def sum_of(data: ptr8, n: int) -> int:
    total = 0
    while n > 0:
        n -= 1
        total += int(data[n]) * 100003
    return total

@micropython.viper
def last(data: ptr8, n: int) -> int:
    return int(data[n - 1])
"""

MACHINE_CODE = (
    BEGIN
    + """
import gc, machine
import keiki.hal.rp2 as hal
hal.free_code(True)
with open("/app/keiki/wire/quick.mpy", "wb") as file:
    file.write({code!r})
from keiki.wire import quick

data = bytes(range(200))
said = quick.sum_of(data, 200), quick.last(data, 200)
for more in (0, 1):
    print("in flash", *[machine.mem32[id(one) + 12] >> 28 for one in (quick.sum_of, quick.last)])
    hal.free_code(True)
print("same", said == (quick.sum_of(data, 200), quick.last(data, 200)), said)
"""
)

NAMES = (
    BEGIN
    + """
import gc
from keiki.hal import rp2_code

class Thing:
    pass

thing = Thing()
for n in range(200):
    setattr(thing, "new name %d" % n, n)
    names = set(dir(thing))
gc.collect()
before = gc.mem_free()
rp2_code.fit_names()
gc.collect()
print("freed", gc.mem_free() - before)
for n in range(200, 400):
    setattr(thing, "new name %d" % n, n)
    if n % 50 == 0:
        rp2_code.fit_names()
gc.collect()
print("all", all(getattr(thing, "new name %d" % n) == n for n in range(400)), names - set(dir(thing)))
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


def test_machine_code_runs_from_flash_where_it_begins_at_a_word(pico: Any, tmp_path: Path) -> None:
    code = nameless(compiled(tmp_path, QUICK, "-march=armv6m", "-O3"))
    said = pico.run(MACHINE_CODE.replace("{code!r}", repr(code))).splitlines()
    assert said == ["in flash 2 2", "in flash 1 1", f"same True {(100003 * 19900, 199)}"]


def test_the_table_of_names_fits_what_it_holds_and_grows_again(pico: Any) -> None:
    freed, grown = (line.split() for line in pico.run(NAMES).splitlines())
    assert int(freed[1]) > 500 and grown == ["all", "True", "set()"]
