"""The flash log through good days: what is appended is found, by sequence, in order, after any reboot."""

import struct

from check import raises
from keiki.drivers.flashlog import Flash, Log, blocks_for
from nor import Nor


def record(number, size=17):
    return (struct.pack("<I", number) + bytes([number * 7 + i & 255 for i in range(size)]))[:size]


def held(log):
    """Return {sequence: payload} of what can be read."""
    buffer = bytearray(log.payload_size)
    found = {s: bytes(buffer) for s in range(log.oldest, log.end) if log.read_into(s, buffer)}
    assert held_in_runs(log) == found
    return found


def held_in_runs(log):
    """The same, read several slots at a time."""
    stride = log.payload_size + 4
    view = memoryview(bytearray(5 * stride + 3))
    found, sequence = {}, log.oldest
    while sequence < log.end:
        count = log.read_run(sequence, view)
        assert 1 <= count <= 5
        for i in range(count):
            slot = bytes(view[i * stride : (i + 1) * stride])
            if slot[-4:] != b"\0\0\0\0":
                found[sequence + i] = slot[:-4]
        sequence += count
    assert sequence == log.end
    return found


def test_records_are_read_back_and_the_oldest_block_goes_over_quota():
    for page in (1, 256):
        flash = Flash(Nor(16, 512, page), page)
        log = Log(flash, 3, 21, 4)
        assert log.slots == 22
        for n in range(200):
            assert log.append(record(n)) == n
        assert log.end == 200
        assert log.oldest == 132  # blocks begin at multiples of 22: 198, 176, 154, 132
        assert held(log) == {n: record(n) for n in range(132, 200)}
        assert flash.kinds.count(b"\x03") == 4


def test_a_reboot_finds_everything_and_burns_one_slot_at_the_next_append():
    for page in (1, 256):
        nor = Nor(16, 512, page)
        log = Log(Flash(nor, page), 3, 21, 4)
        for n in range(150):
            log.append(record(n))
        log = Log(Flash(nor, page), 3, 21, 4)
        assert (log.oldest, log.end) == (66, 150)
        assert held(log) == {n: record(n) for n in range(66, 150)}
        assert log.append(record(151)) == 151
        assert not log.read_into(150, bytearray(17))
        assert Log(Flash(nor, page), 3, 21, 4).end == 152


def test_a_reboot_writes_nothing_that_wears():
    nor = Nor(16, 512)
    log = Log(Flash(nor), 3, 21, 4)
    for n in range(150):
        log.append(record(n))
    erased = sum(nor.erases)
    for _ in range(100):
        log = Log(Flash(nor), 3, 21, 4)
    assert log.end == 150
    assert sum(nor.erases) == erased


def test_several_logs_share_a_region():
    for page in (1, 256):
        nor = Nor(24, 512, page)
        sizes = {1: 32, 2: 21, 3: 160, 4: 12}
        flash = Flash(nor, page)
        logs = {kind: Log(flash, kind, sizes[kind], 3, "slow" if kind == 3 else "fast") for kind in sizes}
        for n in range(300):
            for kind, log in logs.items():
                if not n % kind:
                    assert log.append(record(n, sizes[kind] - 4)) == n // kind
        flash = Flash(nor, page)
        for kind, size in sizes.items():
            log = Log(flash, kind, size, 3)
            assert held(log) == {n: record(n * kind, size - 4) for n in range(log.oldest, -(-300 // kind))}
            assert log.end - log.oldest > min(2 * log.slots, log.end - 1)


def test_a_short_payload_is_filled_up_and_a_short_buffer_takes_the_start():
    log = Log(Flash(Nor(8, 512)), 1, 32, 2)
    log.append(b"abc")
    log.append(memoryview(bytearray(b"defg")))
    buffer = bytearray(28)
    assert log.read_into(0, buffer)
    assert buffer == b"abc" + b"\xff" * 25
    buffer = bytearray(2)
    assert log.read_into(1, memoryview(buffer))
    assert buffer == b"de"


def test_only_what_is_held_can_be_read():
    log = Log(Flash(Nor(8, 512)), 1, 32, 2)
    assert (log.oldest, log.end) == (0, 0)
    raises(IndexError, log.read_into, 0, bytearray(4))
    for n in range(40):
        log.append(record(n))
    raises(IndexError, log.read_into, 40, bytearray(4))
    raises(IndexError, log.read_into, log.oldest - 1, bytearray(4))


def test_wrong_use_is_refused():
    flash = Flash(Nor(8, 512))
    log = Log(flash, 1, 32, 3)
    raises(ValueError, log.append, bytes(29))
    raises(ValueError, Log, flash, 1, 32, 2)  # the kind is taken
    raises(ValueError, Log, flash, 2, 32, 1)  # a ring of one block would forget all at once
    raises(ValueError, Log, flash, 2, 32, 5)  # one spare block is needed
    raises(ValueError, Log, flash, 2, 4, 2)
    raises(ValueError, Log, flash, 2, 500, 2)
    raises(ValueError, Log, flash, 255, 32, 2)
    raises(ValueError, Flash, Nor(8, 512), 384)


def test_a_record_size_is_for_ever_but_a_kind_can_be_dropped():
    nor = Nor(8, 512)
    log = Log(Flash(nor), 1, 32, 3)
    for n in range(40):
        log.append(record(n))
    raises(ValueError, Log, Flash(nor), 1, 40, 3)
    flash = Flash(nor)
    flash.drop(1)
    log = Log(flash, 1, 40, 3)
    assert log.end == 0
    log.append(record(5))
    assert held(Log(Flash(nor), 1, 40, 3)) == {0: record(5) + b"\xff" * 19}


def test_a_smaller_quota_keeps_the_newest_blocks():
    nor = Nor(16, 512)
    log = Log(Flash(nor), 1, 21, 6)
    for n in range(130):
        log.append(record(n))
    log = Log(Flash(nor), 1, 21, 3)
    assert held(log) == {n: record(n) for n in range(66, 130)}
    assert len([k for k in Flash(nor).kinds if k == 1]) == 3


def test_blocks_for_holds_that_many_at_any_time():
    for records in (1, 22, 23, 100):
        keep = max(2, blocks_for(records, 21, 512))
        log = Log(Flash(Nor(16, 512)), 1, 21, keep)
        for n in range(300):
            log.append(record(n))
            assert log.end - log.oldest >= min(records, n + 1)


def test_payloads_of_all_ff_and_all_00_are_records():
    nor = Nor(8, 512)
    log = Log(Flash(nor), 1, 12, 2)
    for n in range(30):
        log.append(b"\xff" * 8 if n % 2 else bytes(8))
    assert held(Log(Flash(nor), 1, 12, 2)) == {n: b"\xff" * 8 if n % 2 else bytes(8) for n in range(30)}


def test_boot_reads_little_and_counts_it():
    nor = Nor(24)
    flash = Flash(nor)
    logs = [Log(flash, kind, 21, 10) for kind in (1, 2)]
    for n in range(2000):
        for log in logs:
            log.append(record(n))
    flash = Flash(nor)
    for kind in (1, 2):
        assert Log(flash, kind, 21, 10).end == 2000
    assert 24 * 20 < flash.bytes_read < 24 * 4096 // 100


def test_all_blocks_wear_alike_whatever_rests():
    for page in (1, 256):
        nor = Nor(16, 512, page)
        flash = Flash(nor, page)
        rest = Log(flash, 1, 32, 4, "slow")
        fast = Log(flash, 2, 160, 2)
        for n in range(30):
            rest.append(record(n))
        for n in range(9000):
            fast.append(record(n))
            if not n % 500:
                flash = Flash(nor, page)
                rest = Log(flash, 1, 32, 4, "slow")
                fast = Log(flash, 2, 160, 2)
        for _ in range(600):  # some blocks move while their log is in use
            fast.append(record(n))
        assert held(rest) == {n: record(n) + b"\xff" * 11 for n in range(30)}
        assert min(nor.erases) > 150
        assert max(nor.erases) - min(nor.erases) < 100
        for block in range(16):
            assert flash.erases[block] == nor.erases[block]
