"""Runs of records in both variants: which are whole, and as rows of a load profile."""

import struct
from binascii import crc32

from keiki.wire import compat, runs_plain
from keiki.wire.cosem import datetime12

VARIANTS = [runs_plain]
if not compat.HOST:
    from keiki.wire import runs_viper

    VARIANTS.append(runs_viper)

STATUSES = b"\x00\x02\x80\x04\x04"
TIMES = (0, 1767193199, 1767193200, 1781146800, 2147483647, 2147483648, 4294934895)
ENERGIES = (0, 999, 1000, 65535999, 65536000, 4294967295999, 4294967296000, (1 << 48) - 1)


def slot(sequence, payload):
    total = crc32(payload, crc32(struct.pack("<I", sequence))) & 0x3FFFFFFF or 1
    return payload + struct.pack("<I", total)


def register(utc_s, status=0, imported=0, exported=0):
    return struct.pack(
        "<IBIHIHH", utc_s, status, imported & 0xFFFFFFFF, imported >> 32,
        exported & 0xFFFFFFFF, exported >> 32, 0,
    )  # fmt: skip


def head(day):
    row = bytearray(28)
    row[:4] = b"\x02\x04\x09\x0c"
    datetime12.pack_into(row, 4, day * 86400 - 32400)
    row[16], row[18], row[23] = 0x11, 6, 6
    return row


def row(utc_s, status, imported, exported):
    status &= 15
    clock = 2 if status == 1 else 0
    return (
        b"\x02\x04\x09\x0c" + datetime12.pack(utc_s, clock) + bytes((0x11, STATUSES[min(status, 4)]))
        + struct.pack(">BIBI", 6, imported // 1000 & 0xFFFFFFFF, 6, exported // 1000 & 0xFFFFFFFF)
    )  # fmt: skip


def test_sums_of_what_is_no_record_are_set_to_zero():
    for runs in VARIANTS:
        for size in (1, 19, 28):
            for first in (0, 7, 0x3FFFFFFF, 0xFFFFFFF0):
                good = b"".join(
                    [slot(first + i, bytes((i * 7 + size + k) & 255 for k in range(size))) for i in range(9)]
                )
                run = bytearray(good)
                runs.sift(memoryview(run), 9, size, first)
                assert bytes(run) == good
                for bit in range(8 * (size + 4)):
                    run = bytearray(good)
                    run[4 * (size + 4) + (bit >> 3)] ^= 1 << (bit & 7)
                    runs.sift(memoryview(run), 9, size, first)
                    end = 4 * (size + 4) + size
                    assert run[end : end + 4] == bytes(4), (runs, size, first, bit)
                    assert run[end + 4 :] == good[end + 4 :] and run[: end - size] == good[: end - size]
        run = bytearray(b"\xff" * 46)
        runs.sift(memoryview(run), 2, 19, 0)
        assert run[19:23] == run[42:46] == bytes(4)


def test_a_record_of_another_sequence_is_none():
    for runs in VARIANTS:
        run = bytearray(slot(5, bytes(19)))
        runs.sift(memoryview(run), 1, 19, 6)
        assert run[19:] == bytes(4)


def test_records_of_a_day_become_rows_and_others_wait():
    for runs in VARIANTS:
        for utc_s in TIMES:
            day = (utc_s + 32400) // 86400
            for status in (0, 1, 2, 3, 4, 15, 0x10, 0x21, 255):
                for energy in ENERGIES:
                    run = slot(0, register(utc_s, status, energy, ENERGIES[-1] - energy))
                    assert runs.day_of(run, 0) == day
                    out = bytearray(40)
                    assert runs.fill(out, 5, run, 0, 1, head(day), STATUSES, day) == 1 + 256
                    assert bytes(out[5:33]) == row(utc_s, status, energy, ENERGIES[-1] - energy)
                    assert out[:5] == bytes(5) and out[33:] == bytes(7)
                    assert runs.fill(out, 5, run, 0, 1, head(day), STATUSES, day + 1) == 0


def test_a_run_over_midnight_with_holes():
    start = 1767193200 - 3 * 1800  # 22:30 in Japan
    records = [register(start + 1800 * i, 0, 1000 * i, 2000 * i) for i in range(8)]
    for runs in VARIANTS:
        run = bytearray(b"".join([slot(i, record) for i, record in enumerate(records)]))
        for hole in (1, 6):
            run[23 * hole + 19 : 23 * hole + 23] = bytes(4)
        out = bytearray(28 * 8)
        day = runs.day_of(run, 0)
        assert runs.fill(out, 0, run, 0, 8, head(day), STATUSES, day) == 3 + (2 << 8)
        assert runs.fill(out, 56, run, 3, 8, head(day + 1), STATUSES, day + 1) == 8 + (4 << 8)
        rows = [row(start + 1800 * i, 0, 1000 * i, 2000 * i) for i in (0, 2, 3, 4, 5, 7)]
        assert bytes(out) == b"".join(rows) + bytes(56)
