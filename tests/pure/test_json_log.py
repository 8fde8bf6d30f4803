"""JSON objects on the flash log: the newest counts, and no block holds the only copy of it."""

from check import raises
from keiki.drivers.filelog import FileLog, Files
from keiki.drivers.flashlog import Flash, Log
from keiki.meter.json_log import JsonLog
from nor import AFTER, BEFORE, INSIDE, Nor
from test_filelog import Memory

SIZE = 160  # two to a block of 512


def start(nor):
    flash = Flash(nor, nor.page)
    return flash, Log(flash, 5, SIZE, 2, "slow")


def newest(nor):
    """What a start finds."""
    return JsonLog(start(nor)[1]).newest(lambda value: value)


def test_whatever_block_is_lost_the_newest_object_is_not():
    for page in (1, 256):
        for count in range(1, 12):
            nor = Nor(8, 512, page)
            for number in range(count):
                JsonLog(start(nor)[1]).append({"n": number})
            for block in range(8):
                for junk in (b"\xff", b"\0", b"\x5a"):
                    other = nor.reboot()
                    other.image[block * 512 : block * 512 + 512] = junk * 512
                    for _ in range(2):
                        assert newest(other) == {"n": count - 1}, (page, count, block, junk)
                    # and it lies in two blocks again
                    flash = start(other)[0]
                    for again in [b for b in range(8) if flash.kinds[b] == 5]:
                        third = other.reboot()
                        third.image[again * 512 : again * 512 + 512] = b"\x33" * 512
                        assert newest(third) == {"n": count - 1}, (page, count, block, again)


def test_a_start_that_finds_both_copies_writes_nothing():
    nor = Nor(8, 512)
    log = JsonLog(start(nor)[1])
    for number in range(5):
        log.append({"n": number})
    end = start(nor)[1].end
    for _ in range(20):
        assert newest(nor) == {"n": 4}
    assert start(nor)[1].end == end


def test_a_cut_at_any_operation_leaves_the_old_or_the_new_object_in_two_blocks():
    for seed in range(8):
        for how in (BEFORE, INSIDE, AFTER):
            for at in range(40):
                nor = Nor(8, 512, 1, seed)
                log = JsonLog(start(nor)[1])
                for number in range(3):
                    log.append({"n": number})
                nor.cut_at, nor.cut_how = nor.ops + at, how
                kept = True
                try:
                    log.append({"n": 3})
                except OSError:
                    kept = False
                over = not nor.dead
                nor = nor.reboot()
                found = newest(nor)
                assert found == {"n": 3} or (not kept and found == {"n": 2})
                for block in range(8):
                    other = nor.reboot()
                    other.image[block * 512 : block * 512 + 512] = b"\x33" * 512
                    assert newest(other) == found, (seed, how, at, block)
                if over:
                    break


def test_what_is_kept_is_kept_even_if_flash_refuses_the_copy():
    nor = Nor(8, 512)
    log = start(nor)[1]
    append, left = log.append, [1]

    def refuse(data):
        if not left[0]:
            raise OSError(28)
        left[0] -= 1
        return append(data)

    log.append = refuse
    JsonLog(log).append({"n": 1})
    raises(OSError, JsonLog(log).append, {"n": 2})
    assert newest(nor) == {"n": 1}


def test_what_this_firmware_does_not_understand_stays_the_newest():
    nor = Nor(8, 512)
    log = JsonLog(start(nor)[1])
    log.append({"v": 1})
    log._log.append(b"\x07\0" + b'{"v":2}')  # a later release wrote it, and the power went

    def usable(value):
        return value if value["v"] == 1 else None

    end = log._log.end
    assert JsonLog(start(nor)[1]).newest(usable) == {"v": 1}
    assert start(nor)[1].end == end
    assert newest(nor) == {"v": 2}


def test_whatever_segment_file_is_lost_the_newest_object_is_not():
    for count in range(1, 9):
        system = Memory()
        for number in range(count):
            JsonLog(FileLog(Files(system, ""), 5, 1348, 2)).append({"n": number})
        for path in sorted(system.content):
            other = Memory()
            other.content = {name: data for name, data in system.content.items() if name != path}
            log = JsonLog(FileLog(Files(other, ""), 5, 1348, 2))
            assert log.newest(lambda value: value) == {"n": count - 1}, (count, path)
