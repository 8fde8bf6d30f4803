"""The machine code that has functions and texts be those in flash (hal/rp2_moves.py), on a memory of Python.

What is in that memory is as MicroPython has it on a 32-bit board. An emulated Pico runs it as it is
(tests/ontarget/test_code_in_flash.py).
"""

import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keiki_host.bench import mpy_file
from keiki_host.bench.firmware_classes import nameless
from keiki_host.bench.firmware_image import firmware_paths

from tests.host.mpy_sample import FUNCTIONS, compiled

RAM, RAM_END, FLASH = 0x2000_0000, 0x2000_4000, 0x1000_0000
BLOCK = 4096
FUNCTION, GENERATOR, TEXT, BYTES, INSTANCE, VIPER = range(0x1100_0000, 0x1100_0600, 0x100)
MODULE, OTHER_MODULE = RAM + 0x3000, RAM + 0x3100
PLAN, SLOTS, KIDS, HEADS, STARTS, PLACES, BUSY, FOUND = (0x3000_0000 + 0x10000 * i for i in range(8))
SOURCE = (
    """
LONG = ("a text of a tuple", 1, None, (2.5, b"some bytes", 1 << 70), b"", ())
"""
    + FUNCTIONS
    + """
def tiny():
    return "one more text"
"""
)


class Memory:
    """RAM, flash and arrays by their addresses."""

    def __init__(self) -> None:
        self.areas = {RAM: bytearray(RAM_END - RAM), FLASH: bytearray(64 * BLOCK)}
        self.areas |= {at: bytearray(0x10000) for at in range(PLAN, FOUND + 1, 0x10000)}

    def at(self, address: int) -> tuple[bytearray, int]:
        for begin, area in self.areas.items():
            if begin <= address < begin + len(area):
                return area, address - begin
        raise AssertionError(f"nothing is at {address:#x}")

    def put(self, address: int, data: bytes) -> None:
        area, offset = self.at(address)
        area[offset : offset + len(data)] = data

    def words(self, address: int, *words: int) -> None:
        self.put(address, struct.pack(f"<{len(words)}I", *words))

    def word(self, address: int) -> int:
        area, offset = self.at(address)
        return int(struct.unpack_from("<I", area, offset)[0])

    def pointer(self, code: str) -> type:
        """Return what `ptr8`, `ptr16` or `ptr32` is to viper."""
        memory, size = self, struct.calcsize(code)

        class Pointer:
            def __init__(self, address: Any) -> None:
                self.address = getattr(address, "address", address)

            def __getitem__(self, i: int) -> int:
                area, offset = memory.at(self.address + size * i)
                return int(struct.unpack_from("<" + code, area, offset)[0])

            def __setitem__(self, i: int, value: int) -> None:
                area, offset = memory.at(self.address + size * i)
                struct.pack_into("<" + code, area, offset, value)

        return Pointer


class Chip:
    """rp2_moves.py on a memory."""

    def __init__(self) -> None:
        self.memory = memory = Memory()
        pointers = {f"ptr{8 * array(code).itemsize}": memory.pointer(code) for code in "BHI"}
        source = (firmware_paths()[0] / "keiki/hal/rp2_moves.py").read_text()

        class micropython:
            @staticmethod
            def viper(function: Any) -> Any:
                kinds = list(function.__annotations__.values())
                return lambda *args: function(*[kind(arg) for kind, arg in zip(kinds, args, strict=False)])

        space: dict[str, Any] = {"micropython": micropython, **pointers}
        exec(compile(source, "rp2_moves.py", "exec"), space)
        self.generators, self.gather, self.read, self.move, self.names, self.holder = (
            space[name] for name in ("generators", "gather", "read", "move", "names", "holder")
        )

    def flash(self, code: bytes) -> None:
        """Have a file in flash as littlefs has it, its blocks in no order."""
        starts, places, at = [0], [], 0
        while at < len(code):
            k = len(places)
            pointers = 4 * ((k & -k).bit_length() if k else 0)
            place = FLASH + (7 * k % 64) * BLOCK + pointers
            piece = code[at : at + BLOCK - pointers]
            self.memory.put(place, piece)
            at += len(piece)
            starts.append(at)
            places.append(place)
        self.memory.words(STARTS, *starts)
        self.memory.words(PLACES, *places)
        kinds = (FUNCTION, GENERATOR, TEXT, BYTES)
        plan = (RAM, RAM, RAM_END, MODULE, FOUND, HEADS, STARTS, PLACES, BUSY, 256, *kinds, len(code), VIPER)
        self.memory.words(PLAN, *plan)

    def settle(self) -> None:
        """Do what rp2_code does with one module."""
        self.memory.put(HEADS, bytes(512))
        self.read(PLAN, FOUND, 0, 256)
        self.memory.words(PLAN, RAM)
        n = self.move(PLAN, SLOTS, self.gather(PLAN, SLOTS, 256), -4, KIDS)
        self.move(PLAN, KIDS, n, 4, SLOTS)


@pytest.fixture
def chip() -> Chip:
    return Chip()


def found(chip: Chip, code: bytes) -> Iterator[tuple[int, bytes]]:
    """(functions within, or 255 for a text; what it is) of each that `read` finds."""
    begin, count = 0, 1
    while begin < count:
        chip.memory.put(HEADS, bytes(512))
        count = chip.read(PLAN, FOUND, begin, 100)
        for at in range(FOUND, FOUND + 8 * min(100, count - begin), 8):
            first, second = chip.memory.word(at), chip.memory.word(at + 4)
            offset = first & 0xFFFFFF
            yield first >> 24, code[offset : offset + (second & 0xFFFF)]
        begin += 100


def test_every_function_and_text_of_a_file_is_found_where_it_lies(chip: Chip, tmp_path: Path) -> None:
    code = compiled(tmp_path, SOURCE, "-O3")
    chip.flash(code)
    assert chip.read(PLAN, SLOTS, 0, 0) == 9
    all_of_it = list(found(chip, code))
    texts = [data for within, data in all_of_it if within == 255]
    assert texts == [b"a text of a tuple", b"some bytes", b"one more text"]
    # outer, inner, the class, __init__, up, tiny; each ends with what returns, and begins with its size
    assert [within for within, _ in all_of_it if within != 255] == [1, 0, 2, 0, 0, 0]
    assert all(data in code and data[-1] == 0x63 for within, data in all_of_it if within != 255)


def test_what_lies_in_two_blocks_is_not_found(chip: Chip, tmp_path: Path) -> None:
    """A file of many blocks: what is found is whole, and little is missing."""
    many = "".join(
        f"def function_{i}(a, b):\n    return [a, b, {i}, 'text number {i:04}']\n" for i in range(900)
    )
    code = compiled(tmp_path, many, "-O3")
    chip.flash(code)
    whole = list(found(chip, code))
    assert len(code) > 8 * BLOCK and 1800 - 2 * (len(code) // BLOCK + 1) <= len(whole) < 1800
    assert all(data.startswith(b"text number ") for within, data in whole if within == 255)


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_a_file_that_ends_too_soon_is_refused(chip: Chip, tmp_path: Path, cut: int) -> None:
    code = compiled(tmp_path, SOURCE, "-O3")[:-cut]
    chip.flash(code)
    # the last thing in a file is code: where less than all is missing of it, nothing else is wrong
    assert chip.read(PLAN, SLOTS, 0, 0) in (-1, 8)


QUICK = (
    FUNCTIONS
    + "".join(
        f"@micropython.viper\ndef quick{n}(x: int) -> int:\n    return x * 7{n * ' + x'}\n" for n in range(4)
    )
    + "def slow():\n    return 7\n"
)


@pytest.mark.parametrize(
    "source",
    ["@micropython.native\ndef f(x):\n    return x\n", "@micropython.asm_thumb\ndef f():\n    nop()\n"],
)
def test_machine_code_that_is_no_viper_is_refused(chip: Chip, tmp_path: Path, source: str) -> None:
    chip.flash(compiled(tmp_path, source, "-march=armv6m"))
    assert chip.read(PLAN, SLOTS, 0, 0) == -1


def test_machine_code_that_needs_more_than_itself_is_refused(chip: Chip, tmp_path: Path) -> None:
    code = bytearray(compiled(tmp_path, QUICK, "-march=armv6m", "-O3"))
    last = [
        function for function in mpy_file.read(bytes(code)).module.children if function.kind == mpy_file.VIPER
    ][-1]
    for flags in (0x10, 0x20, 0x40):
        code[last.offset + last.length] = flags
        chip.flash(bytes(code))
        assert chip.read(PLAN, SLOTS, 0, 0) == -1


class Heap:
    """Objects in RAM as MicroPython has them."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._free = RAM + 16

    def _new(self, data: bytes) -> int:
        at = self._free
        self._memory.put(at, data)
        self._free += -(-len(data) // 16) * 16
        return at

    def code(self, data: bytes) -> int:
        return self._new(data)

    def words(self, *words: int) -> int:
        return self._new(struct.pack(f"<{len(words)}I", *words))


def parts(chip: Chip, code: bytes) -> tuple[list[bytes], list[bytes]]:
    """(functions, texts) of a file."""
    everything = list(found(chip, code))
    return [data for within, data in everything if within != 255], [d for w, d in everything if w == 255]


def test_functions_and_texts_become_those_in_flash(chip: Chip, tmp_path: Path) -> None:
    code = compiled(tmp_path, SOURCE, "-O3")
    chip.flash(code)
    (outer, inner, *_, up, _), (text, data, _) = parts(chip, code)
    memory, heap = chip.memory, Heap(chip.memory)
    raw = heap.words(0, heap.code(inner), 0)
    function = heap.words(FUNCTION, MODULE, heap.words(raw), heap.code(outer))
    generator = heap.words(GENERATOR, MODULE, 0, heap.code(up))
    said = heap.words(TEXT, 77, len(text), heap.code(text))
    octets = heap.words(BYTES, 0, len(data), heap.code(data))
    chip.settle()
    for slot, what in (
        (function + 12, outer), (raw + 4, inner), (generator + 12, up),
        (said + 12, text), (octets + 12, data),
    ):  # fmt: skip
        at = memory.word(slot)
        area, offset = memory.at(at)
        assert FLASH <= at < RAM and area[offset : offset + len(what)] == what


def test_what_is_not_the_same_stays_where_it_is(chip: Chip, tmp_path: Path) -> None:
    code = compiled(tmp_path, SOURCE, "-O3")
    chip.flash(code)
    (outer, *_, up, _), (text, *_) = parts(chip, code)
    memory, heap = chip.memory, Heap(chip.memory)
    running = heap.code(up)
    memory.words(BUSY, 1, running + 9)
    stays = [
        heap.words(FUNCTION, OTHER_MODULE, 0, heap.code(outer)),
        heap.words(FUNCTION, MODULE, 0, heap.code(outer[:-1] + b"\0")),
        heap.words(GENERATOR, MODULE, 0, running),
        heap.words(INSTANCE, MODULE, 0, heap.code(outer)),
        heap.words(TEXT, 77, len(text) - 1, heap.code(text[:-1])),
        heap.words(TEXT, 77, len(text), heap.code(text[:-1] + b"!")),
        heap.words(TEXT, RAM, len(text), heap.code(text)),
        # a function that looks like a text, and a text that looks like a function
        heap.words(TEXT, 77, len(outer), heap.code(outer)),
        heap.words(FUNCTION, MODULE, 0, heap.code(text)),
    ]
    before = [memory.word(at + 12) for at in stays]
    chip.settle()
    assert [memory.word(at + 12) for at in stays] == before


def test_machine_code_becomes_that_in_flash_if_it_lies_there_as_in_the_heap(
    chip: Chip, tmp_path: Path
) -> None:
    code = nameless(compiled(tmp_path, QUICK, "-march=armv6m", "-O3"))
    chip.flash(code)
    quick = [data for kind, data in found(chip, code) if kind == 254]
    assert len(quick) == 4 and code.count(quick[2]) == 1
    memory, heap = chip.memory, Heap(chip.memory)
    slots = [heap.words(VIPER, MODULE, 0, heap.code(data)) + 12 for data in quick]
    slots.append(heap.words(VIPER, MODULE, 0, heap.code(quick[0][:-1] + b"!")) + 12)
    before = [memory.word(slot) for slot in slots]
    chip.settle()
    for slot, what in zip(slots, quick, strict=False):
        at = memory.word(slot)
        area, offset = memory.at(at)
        assert FLASH <= at < RAM and at % 4 == 0 and area[offset : offset + len(what)] == what
    assert memory.word(slots[4]) == before[4]

    odd = code[:4] + b"\x80" + code[4:]  # a number that is spelt longer: all lies one byte further on
    chip.flash(odd)
    for slot, at in zip(slots, before, strict=True):
        memory.words(slot, at)
    chip.settle()
    assert [memory.word(slot) for slot in slots] == before


def table(memory: Memory, at: int, before: int, first: int, room: int, count: int) -> None:
    """A table of names as MicroPython has it."""
    hashes = at + 24 + 4 * room
    memory.words(at, before, first, room, count, hashes, hashes + room)


def test_tables_of_names_are_found_and_who_says_where_one_is(chip: Chip) -> None:
    memory = chip.memory
    assert chip.names(RAM, RAM_END) == 0
    old, new, other = RAM + 0x1000, RAM + 0x1400, RAM + 0x2000
    table(memory, old, 0x1000_2000, 700, 40, 40)
    table(memory, new, old, 740, 80, 33)
    table(memory, other, new, 900, 80, 33)
    memory.words(other + 20, other)  # not as it should be
    assert [chip.names(at, RAM_END) for at in (RAM, old + 16, new + 16)] == [old, new, 0]
    assert chip.holder(RAM, new) == 0
    memory.words(RAM + 0x244, new)
    memory.words(RAM + 0x3000, new)  # behind it
    assert chip.holder(RAM, new) == RAM + 0x244
    memory.words(RAM + 0x248, new)
    assert chip.holder(RAM, new) == 0


def test_generators_that_stand_in_code_in_ram_are_gathered(chip: Chip) -> None:
    heap = Heap(chip.memory)
    heap.words(GENERATOR, 0, 0, RAM + 0x123)
    heap.words(GENERATOR, 0, 0, FLASH + 0x123)
    assert chip.generators(RAM, RAM_END, GENERATOR, SLOTS, 64) == 1
    assert chip.memory.word(SLOTS) == RAM + 0x123
