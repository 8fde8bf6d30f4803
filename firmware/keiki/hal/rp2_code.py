"""Code that runs where it lies in flash, as from a ROMFS, which stock MicroPython for RP2 does not have.

MicroPython copies the code of a .mpy from the file system into the heap, and its texts too. The file system
is littlefs on the chip's own flash, and all of that is memory to read from: once a module is loaded, its
functions and constant texts are given the bytes in its file instead, and the next collection takes those in
the heap. Each is touched only if all of it is found in the flash, byte for byte, in one block of the file;
what is not as expected stays as it is. Where to look says the .mpy itself, which is read where it lies.

A file that is in use must not be written anew. None is: an update has a folder of its own, and `keiki flash`
stops the meter. What interrupts call goes on then; such modules stay in the heap.

Document: littlefs SPEC.md (skip-lists); MicroPython's py/persistentcode.c (.mpy version 6), py/objfun.h,
py/objstr.h, py/emitglue.h, py/objgenerator.c, py/bc.h.
"""

import gc
import struct
import sys
from array import array

import board
import machine
import rp2
import uctypes
import vfs

from keiki.hal import rp2_moves
from keiki.wire.compat import const

_FLASH = const(0x10000000)
_RAM = const(0x20000000)
_RAM_END = {"rp2040": 0x20042000, "rp2350": 0x20082000}
_BLOCK = const(4096)
_SMALLEST = const(512)
_HEAD = const(32)
_AT_ONCE = const(256)
_GENERATORS = const(64)
_KEYS = const(256)
_STAY = ("running", "lines", "pulse_train", "rp2_counter", "rp2", "rp2_code", "rp2_moves")
"""Of the hal: what interrupts call, this, and who calls this."""
_NAMES = const(32)
"""Room for names that come later; then MicroPython makes another table of them."""
_NAMES_HEAD = const(24)


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


def _settle_one(spy: _Spy, files, path: str, plan, work) -> None:
    """Have the functions of a module, and the texts in its file, be those in its file.

    OSError: it is not where it should be. A small file may lie in its folder's block, which moves: not in one
    that begins as the file does.
    """
    found, slots, kids, more = work
    with files.open(path, "rb") as file:
        size = file.seek(0, 2)
        if size < _SMALLEST:
            return
        file.seek(0)
        head = file.read(_HEAD)
    with files.open(path, "rb") as file:  # anew: with nothing of it in a cache
        file.seek(size - 1)
        file.read(1)
    starts = _starts(size)
    places = _places(spy, starts)
    if head[:2] != b"M\x06" or uctypes.bytearray_at(places[0], _HEAD) != head:
        return
    address = uctypes.addressof
    plan[6], plan[7], plan[14] = address(starts), address(places), size
    begin, count = 0, 1
    while begin < count:
        heads = bytearray(2 * _KEYS)
        plan[0], plan[5] = plan[1], address(heads)
        count = rp2_moves.read(plan, found, begin, _AT_ONCE)
        begin += _AT_ONCE
        while plan[0] < plan[2]:
            n = rp2_moves.move(plan, slots, rp2_moves.gather(plan, slots, _AT_ONCE), -4, kids)
            while n:
                n = rp2_moves.move(plan, kids, n, 4, more)
                kids, more = more, kids


def _settle(modules: list) -> None:
    """Have the functions of (module, path) run from their files."""
    spy = _Spy()
    files = vfs.VfsLfs2(spy)
    ram, end = _RAM, _RAM_END[board.CHIP]
    kind_of = machine.mem32
    busy = array("I", bytes(4 + 4 * _GENERATORS))
    generator = _generator()
    busy[0] = rp2_moves.generators(ram, end, kind_of[id(generator)], memoryview(busy)[1:], _GENERATORS)
    if busy[0] == _GENERATORS:
        return
    plan = array("I", bytes(4 * 16))
    plan[15] = kind_of[id(rp2_moves.read)]
    plan[1], plan[2], plan[8], plan[9] = ram, end, uctypes.addressof(busy), _AT_ONCE
    for i, one in enumerate((_settle, _generator, "a text that is no name", b"bytes")):
        plan[10 + i] = kind_of[id(one)]
    work = [array("I", bytes(size * _AT_ONCE)) for size in (8, 4, 4, 4)]
    plan[4] = uctypes.addressof(work[0])
    for module, path in modules:
        plan[3] = id(module)
        try:
            _settle_one(spy, files, path, plan, work)
        except (OSError, MemoryError):
            continue  # it runs where it is


def _generator():
    yield


def fit_names() -> None:
    """Give MicroPython's newest table of names the room that it needs: it was made twice as large as the one
    before. To be called when all is loaded."""
    end = _RAM_END[board.CHIP]
    table = holder = 0
    at = rp2_moves.names(_RAM, end)
    while at:
        who = rp2_moves.holder(_RAM, at)
        if who and not 0 < holder < who:  # what MicroPython itself has lies before the heap
            table, holder = at, who
        at = rp2_moves.names(at + 16, end)
    if not holder:
        return
    before, so_far, old, count, hashes, lengths = struct.unpack(
        "<6I", uctypes.bytearray_at(table, _NAMES_HEAD)
    )
    room = count + _NAMES
    if not count < room < old or not _RAM <= before < end:
        return
    _, first, _, more = struct.unpack("<4I", uctypes.bytearray_at(before, 16))
    if first + more != so_far:
        return
    new = bytearray(_NAMES_HEAD + 6 * room)
    at = uctypes.addressof(new)
    begin = _NAMES_HEAD + 4 * room
    new[:_NAMES_HEAD] = struct.pack("<6I", before, so_far, room, count, at + begin, at + begin + room)
    new[_NAMES_HEAD : _NAMES_HEAD + 4 * count] = uctypes.bytearray_at(table + _NAMES_HEAD, 4 * count)
    new[begin : begin + count] = uctypes.bytearray_at(hashes, count)
    new[begin + room : begin + room + count] = uctypes.bytearray_at(lengths, count)
    machine.mem32[holder] = at


def settle(done: set) -> None:
    """Have the modules that are loaded run from flash, but those in `done`, which grows.

    Only to be called where no code runs that was loaded since the last call, but this.
    """
    modules = []
    for name in list(sys.modules):
        path = getattr(sys.modules[name], "__file__", "")
        if name in done or not name.startswith("keiki.") or name.rpartition(".")[2] in _STAY:
            continue
        done.add(name)
        if path.endswith(".mpy"):
            modules.append((sys.modules[name], "/" + path.lstrip("/")))
    if modules:
        _settle(modules)
        gc.collect()
