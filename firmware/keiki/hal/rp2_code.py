"""Code that runs where it lies in flash, as from a ROMFS, which stock MicroPython for RP2 does not have.

MicroPython copies the bytecode of a .mpy from the file system into the heap. The file system is littlefs on
the chip's own flash, and all of that is memory to read from: once a module is loaded, its functions are given
the bytes in its file instead, and the next collection takes those in the heap. A function is touched only if
all of its code is found in the flash, byte for byte, in one block of the file; what is not as expected stays
as it is. The tables behind the .mpy say where to look: host/keiki_host/flash/code_index.py.

A file that is in use must not be written anew. None is: an update has a folder of its own, and `keiki flash`
stops the meter. The hal goes on then; it stays in the heap.

Document: littlefs SPEC.md (skip-lists); MicroPython's py/objfun.h, py/emitglue.h, py/objgenerator.c, py/bc.h.
`@micropython.viper` is a word to the compiler, not a name.
"""

# ruff: noqa: F821, PLR0915
# pyright: reportUndefinedVariable=false, reportInvalidTypeForm=false, reportIndexIssue=false
# pyright: reportOperatorIssue=false, reportArgumentType=false, reportReturnType=false

import gc
import struct
import sys
from array import array

import board
import machine
import rp2
import uctypes
import vfs

from keiki.wire.compat import const

_FLASH = const(0x10000000)
_RAM = const(0x20000000)
_RAM_END = {"rp2040": 0x20042000, "rp2350": 0x20082000}
_BLOCK = const(4096)
_SMALLEST = const(1024)  # smaller files may lie in their folder's block, which moves
_TAIL = "<H2s"
_TAIL_SIZE = const(4)
_ENTRY_SIZE = const(8)
_MAGIC = b"kc"
_AT_ONCE = const(256)
_GENERATORS = const(64)


class _Spy:
    """The block device below the file system, to read from: it knows what was read last."""

    def __init__(self) -> None:
        self._device = rp2.Flash()
        self.last = -1
        self.blocks = self._device.ioctl(4, 0)

    def readblocks(self, number: int, buffer, offset: int = 0) -> None:
        """Read."""
        self.last = number
        self._device.readblocks(number, buffer, offset)

    def ioctl(self, operation: int, argument: int):
        """Say of what size it is."""
        return self._device.ioctl(operation, argument)


@micropython.viper
def _generators(ram: int, end: int, kind: int, found: ptr32, most: int) -> int:
    """Gather where the generators in the heap stand in code that lies in RAM; `most`: too many."""
    n = 0
    at = ram
    while at < end and n < most:
        words = ptr32(at)
        if int(words[0]) == kind:
            code = int(words[3])
            if code >= ram and code < end:
                found[n] = code
                n += 1
        at += 16
    return n


@micropython.viper
def _functions(plan: ptr32, kind: int, other: int, found: ptr32, most: int) -> int:
    """Gather where functions in the heap have the address of code that lies in RAM, from `plan[0]` on."""
    ram = int(plan[1])
    end = int(plan[2])
    at = int(plan[0])
    n = 0
    while at < end and n < most:
        words = ptr32(at)
        if int(words[0]) == kind or int(words[0]) == other:
            code = int(words[3])
            if code >= ram and code < end:
                found[n] = at + 12
                n += 1
        at += 16
    plan[0] = at
    return n


@micropython.viper
def _move(plan: ptr32, slots: ptr32, n: int, table: int, kids: ptr32) -> int:
    """Have what `slots` point to where that code lies in flash; what is made in it is gathered in `kids`.

    The word at `table` bytes from a slot points to that: -4 in a function, which must be of this module; 4 in
    code that no function has been made of yet. Returns how many are in `kids`.
    """
    ram = int(plan[1])
    end = int(plan[2])
    module = int(plan[3])
    entries = ptr16(int(plan[4]))
    count = int(plan[5])
    starts = ptr32(int(plan[6]))
    places = ptr32(int(plan[7]))
    busy = ptr32(int(plan[8]))
    room = int(plan[9])
    made = 0
    i = 0
    while i < n:
        slot = ptr32(int(slots[i]))
        address = int(slot[0])
        i += 1
        if address < ram or address >= end:
            continue
        if table < 0 and int(ptr32(int(slots[i - 1]) - 8)[0]) != module:
            continue
        code = ptr8(address)
        key = 0
        j = 0
        while j < 8:
            key = (key * 31 + int(code[j])) & 0xFFFF
            j += 1
        low = 0
        high = count
        while low < high:
            middle = (low + high) >> 1
            if int(entries[middle * 4]) < key:
                low = middle + 1
            else:
                high = middle
        while low < count and int(entries[low * 4]) == key:
            length = int(entries[low * 4 + 1])
            top = int(entries[low * 4 + 3])
            offset = int(entries[low * 4 + 2]) | ((top & 255) << 16)
            low += 1
            k = offset >> 12
            while int(starts[k + 1]) <= offset:
                k += 1
            if offset + length > int(starts[k + 1]):
                continue
            to = int(places[k]) + offset - int(starts[k])
            there = ptr8(to)
            j = 0
            while j < length and int(there[j]) == int(code[j]):
                j += 1
            if j < length:
                continue
            j = 1
            while j <= int(busy[0]):
                if int(busy[j]) >= address and int(busy[j]) < address + length:
                    break
                j += 1
            if j <= int(busy[0]):
                break
            slot[0] = to
            j = top >> 8
            if j > 0 and made + j <= room:
                inner = ptr32(int(ptr32(int(slots[i - 1]) + table)[0]))
                while j > 0:
                    j -= 1
                    kids[made] = int(inner[j]) + 4
                    made += 1
            break
    return made


def _word(address: int) -> int:
    return struct.unpack_from("<I", uctypes.bytearray_at(address, 4))[0]


def _pointers(k: int) -> int:
    """Return how long the pointers are that the k-th block of a file begins with.

    There is one for each power of two that divides k.
    """
    size = 0
    power = 1
    while k and k % power == 0:
        size += 4
        power *= 2
    return size


def _starts(size: int):
    """Return where in a file of `size` each of its blocks begins, and its end."""
    found = array("I", (0,))
    while found[-1] < size:
        found.append(min(size, found[-1] + _BLOCK - _pointers(len(found) - 1)))
    return found


def _flash_begin(spy: _Spy) -> int:
    """Return the address of the file system; OSError: it is not where it should be."""
    said = bytearray(64)
    number = spy.last
    spy.readblocks(number, said)
    for size in (1 << 21, 1 << 22, 1 << 23, 1 << 24):
        begin = _FLASH + size - spy.blocks * _BLOCK
        if begin >= _FLASH and uctypes.bytearray_at(begin + number * _BLOCK, len(said)) == said:
            return begin
    raise OSError(5)


def _places(spy: _Spy, starts):
    """Return the address in flash of what each block of a file has of it; the last one was just read."""
    number = spy.last
    begin = _flash_begin(spy)
    found = array("I", starts)
    for k in range(len(starts) - 2, -1, -1):
        if not 0 <= number < spy.blocks:
            raise OSError(5)
        at = begin + number * _BLOCK
        found[k] = at + _pointers(k)
        number = struct.unpack_from("<I", uctypes.bytearray_at(at, 4))[0]  # the block before
    return found


def _found(spy: _Spy, files, path: str):
    """Return (table of functions, where blocks begin in the file, where in flash) of a .mpy; None: no table.

    OSError: it is not where it should be.
    """
    with files.open(path, "rb") as file:
        size = file.seek(0, 2)
        if size < _SMALLEST:
            return None
        file.seek(size - _TAIL_SIZE)
        count, magic = struct.unpack(_TAIL, file.read(_TAIL_SIZE))
        if magic != _MAGIC:
            return None
        entries = bytearray(count * _ENTRY_SIZE)
        file.seek(size - _TAIL_SIZE - len(entries))
        file.readinto(entries)
    with files.open(path, "rb") as file:  # anew: with nothing of it in a cache
        file.seek(size - 1)
        file.read(1)
    starts = _starts(size)
    return entries, starts, _places(spy, starts)


def _settle(modules: list) -> None:
    """Have the functions of (module, path) run from their files."""
    spy = _Spy()
    files = vfs.VfsLfs2(spy)
    ram, end = _RAM, _RAM_END[board.CHIP]
    address, kind_of = uctypes.addressof, machine.mem32
    slots, kids = array("I", bytes(4 * _AT_ONCE)), array("I", bytes(4 * _AT_ONCE))
    busy = array("I", bytes(4 + 4 * _GENERATORS))
    generator = _generator()
    busy[0] = _generators(ram, end, kind_of[id(generator)], memoryview(busy)[1:], _GENERATORS)
    if busy[0] == _GENERATORS:
        return
    plan = array("I", (ram, ram, end, 0, 0, 0, 0, 0, address(busy), _AT_ONCE))
    while plan[0] < end:
        count = _functions(plan, kind_of[id(_settle)], kind_of[id(_generator)], slots, _AT_ONCE)
        for module, path in modules:
            try:
                found = _found(spy, files, path)
            except OSError:
                continue  # it runs where it is
            if found is None:
                continue
            entries, starts, places = found
            plan[3], plan[4], plan[5] = id(module), address(entries), len(entries) // _ENTRY_SIZE
            plan[6], plan[7] = address(starts), address(places)
            n = _move(plan, slots, count, -4, kids)
            inner, more = kids, array("I", kids) if n else kids
            while n:
                n = _move(plan, inner, n, 4, more)
                inner, more = more, inner


def _generator():
    yield


def settle(done: set) -> None:
    """Have the modules that are loaded run from flash, but those in `done`, which grows.

    Only to be called where no code runs that was loaded since the last call, but this.
    """
    modules = []
    for name in list(sys.modules):
        path = getattr(sys.modules[name], "__file__", "")
        if name in done or not name.startswith("keiki.") or name.startswith("keiki.hal."):
            continue
        done.add(name)
        if path.endswith(".mpy"):
            modules.append((sys.modules[name], "/" + path.lstrip("/")))
    if modules:
        _settle(modules)
        gc.collect()
