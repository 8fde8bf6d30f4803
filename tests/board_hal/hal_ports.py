"""hal/esp32 and hal/rp2: what each does in its own way (these run on MicroPython only)."""

import board
import machine
from keiki.hal import boards, esp32, rp2, running

NAMES = [
    "COLLECT_MS", "Udp", "Watchdog", "addresses", "connect", "console", "counter", "datagram", "edge", "exit",
    "files", "flash", "free_code", "i2c", "input", "keep_network", "listen", "network", "output",
    "pulse_output",
    "random_below", "report", "reset_cause", "restart", "rtc_utc_ms", "settings_kept", "settings_object",
    "sntp_exchange", "spi", "start", "ticks_ms", "uart", "unique_id", "wifi",
]  # fmt: skip


def test_both_have_the_whole_interface():
    assert [name for name in NAMES if not hasattr(rp2, name)] == []
    # an ESP32 has its data in a partition, whatever the board
    assert [name for name in NAMES if not hasattr(esp32, name)] == ["files"]


def test_settings_of_a_file_are_brought_once():
    boards._CONFIG = "board_config.json"
    with open(boards._CONFIG, "w") as file:
        file.write('{"digits": 7}')
    assert boards.settings_object() == {"digits": 7}
    boards.settings_kept()
    assert boards.settings_object() == {}
    boards.settings_kept()


def test_an_esp32_has_an_identity_of_eight_bytes():
    assert esp32.unique_id() == b"\x01\x02\x03\xff\xfe\x04\x05\x06"


def test_an_esp32_knows_why_it_started():
    for cause, mark, expected in (
        (machine.PWRON_RESET, running.COMMANDED, running.POWERED),
        (machine.WDT_RESET, 0, running.WATCHDOG),
        (machine.HARD_RESET, running.COMMANDED, running.COMMANDED),
        (machine.HARD_RESET, running.CRASHED, running.CRASHED),
        (machine.HARD_RESET, 0, running.CRASHED),
        (machine.SOFT_RESET, 0, running.COMMANDED),
    ):
        machine.state["cause"] = cause
        esp32._keep_mark(mark)
        assert esp32.reset_cause() == expected, (cause, mark)
        assert machine.state["rtc"][-1] == 0  # it is told once
    machine.state["rtc"] = b"somebody else's"
    machine.state["cause"] = machine.WDT_RESET
    assert esp32.reset_cause() == running.WATCHDOG


def test_an_esp32_has_its_data_in_a_partition_of_the_size_that_the_board_says():
    assert esp32.flash(4).ioctl(5, 0) == 4096
    try:
        esp32.flash(256)
        raise AssertionError("a partition of another size was taken")
    except ValueError as error:
        assert "4 blocks, not 256" in str(error)
    esp32.esp32.Partition.label = "other"
    try:
        esp32.flash(4)
        raise AssertionError("no partition, and no error")
    except OSError as error:
        assert error.errno == 19


def test_an_rp2_knows_why_it_started():
    for cause, mark, expected in (
        (machine.PWRON_RESET, running.CRASHED, running.POWERED),
        (machine.WDT_RESET, 0, running.WATCHDOG),
        (machine.WDT_RESET, running.COMMANDED, running.COMMANDED),
        (machine.WDT_RESET, running.CRASHED, running.CRASHED),
    ):
        machine.state["cause"] = cause
        rp2._keep_mark(mark)
        assert rp2.reset_cause() == expected, (cause, mark)
    machine.mem32[0x4005800C] = running.COMMANDED  # what another program has left there is no mark
    assert rp2.reset_cause() == running.WATCHDOG
    board.CHIP = "rp2350"
    rp2._keep_mark(3)
    assert machine.mem32[0x400D800C] & 255 == 3
    board.CHIP = "rp2040"


class Lines:
    """Serial lines of a test, in its own time: each look takes a millisecond."""

    def __init__(self, heard, sends_until_ms=0):
        self.now_ms = 0
        self.heard = heard
        self.sends_until_ms = sends_until_ms
        self.opened = [self]

    def ticks_ms(self):
        self.now_ms += 1
        return self.now_ms

    def any(self):
        return self.heard(self.now_ms)

    def txdone(self):
        return self.now_ms >= self.sends_until_ms


def hush_with(lines):
    kept = rp2.lines, rp2.ticks_ms
    rp2.lines, rp2.ticks_ms = lines, lines.ticks_ms
    try:
        rp2.hush()
    finally:
        rp2.lines, rp2.ticks_ms = kept
    return lines.now_ms


def test_flash_is_not_touched_before_the_lines_are_quiet():
    quiet = hush_with(Lines(lambda _now: 0))
    asked = hush_with(Lines(lambda _now: 0, sends_until_ms=20))
    answered = hush_with(Lines(lambda now: min(now, 30)))
    assert quiet < 12 and 20 < asked < 34 and 30 < answered < 44


def test_a_line_that_is_never_quiet_does_not_hold_up_the_meter():
    assert 60 <= hush_with(Lines(lambda now: now)) < 70


def test_files_that_are_written_wait_and_those_that_are_read_do_not():
    calls = []
    kept, rp2.hush = rp2.hush, lambda: calls.append("hush")
    try:
        folder = rp2._QuietFolder("")
        name = "hal_test.tmp"
        file = folder.open(name, "wb")
        file.write(b"abc")
        assert calls == ["hush"]
        file.flush()
        assert len(calls) == 2
        file.close()  # nothing is left to write
        assert len(calls) == 2
        file = folder.open(name, "ab")
        file.write(b"def")
        file.close()
        assert len(calls) == 4
        folder.open(name, "wb").close()  # emptied
        assert len(calls) == 6
        with folder.open(name, "rb") as found:
            assert found.read() == b"" and len(calls) == 6
        folder.remove(name)
        assert len(calls) == 7
    finally:
        rp2.hush = kept


def test_a_network_that_is_kept_is_the_one_of_the_next_start():
    boards._WIFI = "board_wifi.json"
    assert boards.wifi(None, None) is None and boards.network() == ""
    for ssid, password in (("", ""), ("n" * 33, ""), ("家" * 11, ""), ("net", "short"), ("net", "x" * 64)):
        try:
            boards.keep_network(ssid, password)
            raise AssertionError("such a network was kept")
        except ValueError:
            pass
    assert boards.keep_network("open", "") and boards.keep_network("net of 家", "12345678")
    keeper = boards.wifi(None, None)
    assert keeper._key == ("net of 家", "12345678") and boards.network() == ""
    keeper.address = "192.0.2.7"
    assert boards.network() == "192.0.2.7"
    board.WIFI = False
    try:
        assert boards.network() is None and not boards.keep_network("net", "12345678")
    finally:
        board.WIFI = True
