"""hal/lines, pulse_train and running on a machine that remembers (these run on MicroPython only)."""

import asyncio

import machine
from keiki.hal import lines, running
from keiki.hal.pulse_train import PulseTrain


class Flag:
    def set(self):
        self.is_set = True


def test_a_line_has_the_pins_of_the_board_and_room_for_a_flash_erase():
    slow = lines.uart(0, 4800, 0)
    fast = lines.uart(1, 115200)
    assert (slow.how["tx"].number, slow.how["rx"].number, slow.how["parity"]) == (0, 1, 0)
    assert slow.how["rxbuf"] >= 4800 // 10 * 2 * 45 // 1000 and fast.how["rxbuf"] >= 11520 * 2 * 45 // 1000
    assert "flow" not in slow.how and fast.how["flow"] == 3
    assert lines.uart(2, 9600) is None


def test_a_bus_that_the_board_has_not_is_none():
    assert lines.spi(0, 1, 1000, 0, 0) is None and lines.i2c(1) is None
    assert (lines.i2c(0).scl, lines.i2c(0).sda) == (21, 20)


def test_a_frame_is_sent_with_chip_select_low_and_one_bus_has_one_mode():
    part = lines.spi(1, 13, 1000000, 1, 1)
    rx = bytearray(3)
    part.transfer(b"abc", rx)
    into = bytearray(2)
    part.fetch(b"\x9f", into)
    part.send(b"\x02", b"xy")
    assert bytes(rx) == b"cba" and bytes(into) == b"\x00\x01" and machine.Pin.all[13]() == 1
    assert lines.spi(1, 14, 1000000, 1, 1)._bus is part._bus
    try:
        lines.spi(1, 15, 1000000, 0, 0)
        raise AssertionError("two modes on one bus")
    except ValueError as error:
        assert "spi 1" in str(error)


def test_what_is_active_low_is_on_at_0_volts():
    low, high = lines.input(2), lines.input(3)
    assert (machine.Pin.all[2].pull, machine.Pin.all[3].pull) == (machine.Pin.PULL_UP, machine.Pin.PULL_DOWN)
    assert not low() and not high()  # nothing is wired
    machine.Pin.all[2](0)
    machine.Pin.all[3](1)
    assert low() and high()
    coil, inverted = lines.output(8), lines.output(2)
    assert machine.Pin.all[8]() == 0 and machine.Pin.all[2]() == 1
    coil(True)
    inverted(True)
    assert machine.Pin.all[8]() == 1 and machine.Pin.all[2]() == 0


def test_pulses_are_counted_over_the_edge_of_each_byte():
    read = lines.counter(9)
    for _ in range(65537):
        machine.Pin.all[9].rise()
    assert read() == 65537


def test_an_edge_sets_a_flag():
    asyncio.ThreadSafeFlag = Flag
    edge = lines.edge(11)
    machine.Pin.all[11].rise()
    assert edge._flag.is_set


class Clock:
    now_ms = 0


def run_timer(timer, until_ms):
    """Let time pass; returns when the line changed."""
    while timer.period is not None and Clock.now_ms + timer.period <= until_ms:
        Clock.now_ms += timer.period
        timer.period = None
        timer.callback(timer)
    Clock.now_ms = until_ms


def test_pulses_come_when_they_are_due_and_none_is_lost():
    timer = machine.Timer(0)
    train = PulseTrain(18, 40, timer, lambda: Clock.now_ms)
    seen = []
    line = train._line

    class Watched:
        def __call__(self, value=None):
            seen.append((Clock.now_ms, value))
            return line(value)

    train._line = Watched()
    train.add(0, 0, 0)
    train.add(2, 100000, 250000)
    train.add(2, 0, 10000)  # faster than pulses can be
    run_timer(timer, 1000)
    assert seen == [(100, 1), (140, 0), (350, 1), (390, 0), (430, 1), (470, 0), (510, 1), (550, 0)]
    train.add(1, 5000, 0)
    run_timer(timer, 2000)
    assert seen[-2:] == [(1005, 1), (1045, 0)]


def test_a_reset_tells_the_next_start_why():
    marks = []
    running.on_port(marks.append, 1)
    running.restart()
    assert marks == [running.COMMANDED] and machine.state["resets"] == 1
    assert running.cause_of(running.COMMANDED, True) == running.COMMANDED
    assert running.cause_of(running.CRASHED, True) == running.CRASHED
    assert running.cause_of(0, True) == running.WATCHDOG and running.cause_of(0, False) == running.CRASHED


def test_settings_that_cannot_be_leave_the_repl():
    before = machine.state["resets"]
    running.exit(2)
    assert machine.state["resets"] == before


def test_an_error_that_nobody_caught_resets_the_chip():
    marks = []
    running.on_port(marks.append, 1)
    before = machine.state["resets"]

    async def main():
        raise ValueError("broken")

    running.start(main())
    assert marks == [running.CRASHED] and machine.state["resets"] == before + 1


def test_ctrl_c_leaves_the_repl_and_the_watchdog_is_fed_there():
    dog = running.Watchdog(8000)
    assert dog._chip.timeout == 8000

    async def main():
        raise KeyboardInterrupt

    try:
        running.start(main())
        raise AssertionError("Ctrl-C was swallowed")
    except KeyboardInterrupt:
        pass
    fed = machine.state["fed"]
    timer = machine.Timer.latest
    timer.callback(timer)
    assert machine.state["fed"] == fed + 1 and timer.period == 1000


def test_ticks_go_on_where_the_chip_begins_anew():
    real = running.time

    class Wrapping:
        now = (1 << 29) - 5

        def ticks_ms(self):
            return self.now

        def ticks_diff(self, a, b):
            return ((a - b + (1 << 28)) & ((1 << 29) - 1)) - (1 << 28)

    running.time = Wrapping()
    try:
        running._now[1] = running.time.now
        before = running.ticks_ms()
        running.time.now = 5
        assert running.ticks_ms() - before == 5 + 5
    finally:
        running.time = real
        running._now[1] = real.ticks_ms()
