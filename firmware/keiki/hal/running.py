"""How a real board runs the meter: time, chance, the watchdog, and what happens when it ends.

Why a start was made is told by the chip, and by a mark that a reset leaves behind. A port says with `on_port`
how it keeps that.
"""

import asyncio
import os
import sys
import time

import machine

from keiki.wire.compat import const

POWERED, WATCHDOG, CRASHED, COMMANDED = const(0), const(1), const(2), const(3)
_REPL_MS = const(600000)
_FEED_MS = const(1000)
_LOOK_MS = const(10000)

_now = [0, time.ticks_ms()]
_port: list = []


def ticks_ms() -> int:
    """Return monotonic milliseconds; never wraps, never goes back. To be asked once in six days at least."""
    ticks = time.ticks_ms()
    _now[0] += time.ticks_diff(ticks, _now[1])
    _now[1] = ticks
    return _now[0]


def rtc_utc_ms() -> None:
    """None: the chip's own clock stops without power, and whoever set it may have set Japan's time."""
    return


def random_below(n: int) -> int:
    """Return an unpredictable integer 0..n-1."""
    return int.from_bytes(os.urandom(8), "little") % n


def report(error) -> None:
    """Tell the developer of an error that the meter has survived."""
    sys.print_exception(error)


class Watchdog:
    """Resets the chip if it is not fed for `limit_ms`. Nothing stops it once it runs."""

    latest: "Watchdog | None" = None

    def __init__(self, limit_ms: int) -> None:
        self.limit_ms = limit_ms
        self._chip = machine.WDT(timeout=limit_ms)
        Watchdog.latest = self

    def feed(self) -> None:
        """Begin to count anew."""
        self._chip.feed()


def on_port(keep_mark, timer: int) -> None:
    """Take what a port has: `keep_mark(n)` remembers 1..255 across a reset, `timer` is free for the REPL."""
    _port[:] = [keep_mark, timer]


def cause_of(mark: int, by_watchdog: bool) -> int:
    """Return why a start that was none of power was made, from the mark that was kept (0: none)."""
    if mark in (CRASHED, COMMANDED):
        return mark
    return WATCHDOG if by_watchdog else CRASHED


def reset(cause: int) -> None:
    """Reset the chip; the next start is told why."""
    _port[0](cause)
    machine.reset()


def restart() -> None:
    """Start the firmware anew."""
    reset(COMMANDED)


def exit(code: int) -> None:
    """End the firmware: settings that cannot be (2) wait for somebody at the REPL, else it starts anew.

    Not at once: whoever wants to stop that has ten seconds to press Ctrl-C.
    """
    if code != 2:
        time.sleep_ms(_LOOK_MS)
        reset(CRASHED)


def start(main) -> None:
    """Run the coroutine `main` for ever; an error that nobody caught resets the chip.

    Ctrl-C leaves it for the REPL: the watchdog is fed for ten minutes then, and whoever needs longer may say
    so (keiki.hal.running.tend).
    """

    def failed(_loop, context) -> None:
        error = context["exception"]
        report(error)
        if not isinstance(error, KeyboardInterrupt):
            reset(CRASHED)

    asyncio.get_event_loop().set_exception_handler(failed)
    try:
        asyncio.run(main)
    except KeyboardInterrupt:
        tend(_REPL_MS)
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, a meter goes on
        report(error)
        reset(CRASHED)


def tend(for_ms: int) -> None:
    """Feed the watchdog for so long with nobody else there to do it."""
    dog = Watchdog.latest
    if dog is None:
        return
    until_ms = ticks_ms() + for_ms

    def feed(timer) -> None:
        if ticks_ms() < until_ms:
            dog.feed()
        else:
            timer.deinit()

    machine.Timer(_port[1]).init(mode=machine.Timer.PERIODIC, period=_FEED_MS, callback=feed)
