"""hal/esp32_slots: an update's code goes to its third of partition romfs (these run on MicroPython only)."""

import hashlib
import os
import sys
from binascii import hexlify

import esp32 as chip
from keiki.hal import boards, esp32, rp2
from keiki.hal.esp32_slots import RomSlots
from keiki.meter.update_staging import Staging
from keiki.wire.update_manifest import BundleError, first_line

BLOCKS = 3
IMAGE = bytes((7 * n) & 255 for n in range(2 * chip.BLOCK + 1000))
IDENTITY = b"i" * 32


def slots(name):
    found = RomSlots(name + "/", chip.Partition(3 * BLOCKS + 1))
    found.make("a")
    found.make("b")
    return found


def put(files, path, data, mode):
    with files.open(path, mode) as file:
        file.write(data)


def part(files, slot):
    first = (1 + "ab".index(slot)) * BLOCKS * chip.BLOCK
    return bytes(files.partition.data[first : first + BLOCKS * chip.BLOCK])


def test_an_image_lies_in_its_third_and_everything_else_on_the_file_system():
    files = slots("third")
    untouched = bytes(files.partition.data)
    put(files, "b/id", b"id", "wb")
    assert files.size("b/rom.img") == -1 and files.size("b/id") == 2
    assert bytes(files.partition.data) == untouched
    for at in range(0, len(IMAGE), 512):
        put(files, "b/rom.img", IMAGE[at : at + 512], "ab" if at else "wb")
    assert part(files, "b")[: len(IMAGE)] == IMAGE and files.size("b/rom.img") == len(IMAGE)
    assert part(files, "a") == b"\xff" * len(part(files, "a"))
    read = b""
    with files.open("b/rom.img", "rb") as file:
        while True:
            piece = file.read(500)
            if not piece:
                break
            read += bytes(piece)
    assert read == IMAGE
    files.clear("b")
    assert files.size("b/rom.img") == -1 and files.size("b") == -1
    try:
        files.open("b/rom.img", "rb")
        raise AssertionError("an image that is not there was opened")
    except OSError as error:
        assert error.errno == 2


def test_what_a_power_cut_has_left_is_written_once_more():
    files = slots("cut")
    put(files, "a/rom.img", IMAGE[:4000], "wb")
    file = files.open("a/rom.img", "ab")
    file.write(IMAGE[4000:4600])  # and the power goes before its length is kept
    assert files.size("a/rom.img") == 4000
    put(files, "a/rom.img", IMAGE[4000:], "ab")
    assert part(files, "a")[: len(IMAGE)] == IMAGE
    other = bytes(reversed(IMAGE))
    put(files, "a/rom.img", other, "wb")
    assert part(files, "a")[: len(IMAGE)] == other


def test_an_image_that_is_too_long_is_refused():
    files = slots("long")
    most = BLOCKS * chip.BLOCK
    assert files.taken("a/rom.img", most) == chip.BLOCK and files.taken("a/rom.img", most + 1) > most
    put(files, "a/rom.img", bytes(most), "wb")
    try:
        put(files, "a/rom.img", b"x", "ab")
        raise AssertionError("it was written into the next slot")
    except OSError as error:
        assert error.errno == 28
    assert files.size("a/rom.img") == most and part(files, "b") == b"\xff" * most


def bundle(size):
    body = "board x\nversion 1.0.0\nneeds keiki 0.0.0\nneeds micropython 1.24.0\nfile %d %s rom.img\n" % (
        size,
        hexlify(hashlib.sha256(IMAGE).digest()).decode(),
    )
    return first_line(22 + len(body)) + body.encode() + bytes(384)


def test_a_bundle_is_unpacked_there_and_checked_and_goes_on_after_a_restart():
    files = slots("bundle")
    whole = bundle(len(IMAGE)) + IMAGE
    cut = len(whole) - 5000
    Staging(files, "a", IDENTITY).write(whole[:cut])
    staging = Staging(files, "a", IDENTITY)
    assert staging.offset == cut
    staging.write(whole[cut:])
    assert staging.offset == staging.total == len(whole)
    for _ in staging.check_files():
        pass
    files.partition.data[(BLOCKS + 1) * chip.BLOCK] ^= 1
    try:
        for _ in staging.check_files():
            pass
        raise AssertionError("an image that is not what was signed was taken")
    except BundleError as error:
        assert "rom.img is not what was signed" in str(error)


def test_a_bundle_without_room_is_refused_at_its_head():
    files = slots("full")
    files.free = lambda: 2 * chip.BLOCK
    try:
        Staging(files, "a", IDENTITY, chip.BLOCK + 1).write(bundle(len(IMAGE)))
        raise AssertionError("it was taken")
    except BundleError as error:
        assert "no room for it: it takes 4 KB, and 3 are free" in str(error)


def test_slots_are_for_a_start_by_the_selector_only():
    assert esp32.app_files() is None and rp2.app_files() is None
    sys.modules["selector"] = os
    kept, boards.UPDATES = boards.UPDATES, ""
    try:
        assert esp32.app_files() is None  # a table without code of its own
        chip.Partition.romfs = [chip.Partition(9)]
        assert esp32.app_files().blocks == 3 and rp2.app_files().taken("a/x", 5000) == 8192
    finally:
        boards.UPDATES = kept
        del sys.modules["selector"]
        chip.Partition.romfs = []


def test_a_pico_writes_its_slots_while_no_serial_line_speaks():
    calls = []
    kept = rp2.hush, boards.UPDATES
    rp2.hush, boards.UPDATES = lambda: calls.append("hush"), "quiet/"
    sys.modules["selector"] = os
    try:
        files = rp2.app_files()
        files.make("a")
        put(files, "a/x", b"x", "wb")
        with files.open("a/x", "rb") as file:
            assert file.read() == b"x"
        assert calls == ["hush"]
    finally:
        rp2.hush, boards.UPDATES = kept
        del sys.modules["selector"]
