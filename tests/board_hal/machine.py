"""What stands in for the machine module of ESP32 and RP2, as far as the hal uses it: it remembers."""

PWRON_RESET, HARD_RESET, WDT_RESET, SOFT_RESET = 1, 2, 3, 5

made = []
mem32 = {}
state = {"cause": PWRON_RESET, "resets": 0, "rtc": b"", "fed": 0}


def unique_id():
    return bytes(range(1, 7))


def reset_cause():
    return state["cause"]


def reset():
    state["resets"] += 1


class Pin:
    IN, OUT, PULL_UP, PULL_DOWN, IRQ_RISING = 0, 1, 2, 3, 4
    all = {}

    def __init__(self, number, mode=None, pull=None, value=None):
        self.number, self.mode, self.pull = number, mode, pull
        self.level = int(bool(value)) if value is not None else int(pull == Pin.PULL_UP)
        self.handler = None
        Pin.all[number] = self

    def __call__(self, value=None):
        if value is None:
            return self.level
        self.level = int(bool(value))

    def irq(self, handler, trigger):
        assert trigger == Pin.IRQ_RISING
        self.handler = handler

    def rise(self):
        self.handler(self)


class UART:
    RTS, CTS = 1, 2

    def __init__(self, number, baudrate, **how):
        self.number, self.baudrate, self.how = number, baudrate, how
        self.waiting, self.sending = [0], False

    def any(self):
        return self.waiting.pop(0) if len(self.waiting) > 1 else self.waiting[0]

    def txdone(self):
        return not self.sending


class SPI:
    """Each frame is kept as (bytes out, bytes in); what comes in is what `answers` has."""

    def __init__(self, number, baudrate, polarity, phase, **pins):
        self.mode, self.pins, self.log = (baudrate, polarity, phase), pins, []
        made.append(self)

    def write(self, data):
        self.log.append(bytes(data))

    def readinto(self, into):
        for i in range(len(into)):
            into[i] = i

    def write_readinto(self, tx, rx):
        self.log.append(bytes(tx))
        rx[:] = bytes(reversed(bytes(tx)))


class I2C:
    def __init__(self, number, scl, sda, freq):
        self.number, self.scl, self.sda, self.freq = number, scl.number, sda.number, freq


class WDT:
    def __init__(self, timeout):
        self.timeout = timeout

    def feed(self):
        state["fed"] += 1


class RTC:
    def memory(self, data=None):
        if data is None:
            return state["rtc"]
        state["rtc"] = data


class Timer:
    ONE_SHOT, PERIODIC = 0, 1
    latest = None

    def __init__(self, number):
        self.number = number
        self.period = None
        Timer.latest = self

    def init(self, mode, period, callback):
        self.mode, self.period, self.callback = mode, period, callback

    def deinit(self):
        self.period = None
