"""DS3231: battery-backed clock chip with a compensated crystal, on I2C.

Document: Maxim DS3231 datasheet 19-5170, "Address Map", "Clock and Calendar", "Control (0Eh)",
"Status (0Fh)". The chip holds UTC, years 2000 to 2099. Many modules come with some local time in them, so
only a chip that was set by this driver is trusted: it leaves a mark in alarm 1, which is not used otherwise.

`i2c` offers `readfrom_mem_into(address, register, buffer)` and `writeto_mem(address, register, data)`,
and raises OSError when nobody acknowledges.
"""

from keiki.wire.compat import const
from keiki.wire.slots import civil_from_days, days_from_civil

ADDRESS = const(0x68)

_TIME = const(0x00)
_ALARM = const(0x07)
_CONTROL = const(0x0E)
_STATUS = const(0x0F)
_COUNT = const(0x10)

_STOPPED = const(0x80)  # both of them: EOSC in the control register, OSF in the status register
_NO_INTERRUPTS = const(0x04)

MARK = b"\x27\x18\x09\x31"
"""Alarm 1 of a chip that holds UTC: a time like any other, so that no chip minds it."""


class Ds3231:
    """The chip; `fault` says why its time was not to be trusted when it was last read, "" if it was."""

    def __init__(self, i2c, address: int = ADDRESS) -> None:
        self.fault = ""
        self._i2c = i2c
        self._address = address
        self._registers = bytearray(_COUNT)
        self._time = bytearray(7)

    def read_utc_s(self) -> "int | None":
        """Return UTC seconds since 1970, rounded down; None if the chip cannot be trusted.

        `fault` is then "silent" (no answer), "stopped" (its oscillator was, so the time is lost), "foreign"
        (set by somebody else) or "garbled" (not a date).
        """
        registers = self._registers
        try:
            self._i2c.readfrom_mem_into(self._address, _TIME, registers)
        except OSError:
            self.fault = "silent"
            return None
        if (registers[_CONTROL] | registers[_STATUS]) & _STOPPED:
            self.fault = "stopped"
            return None
        if registers[_ALARM : _ALARM + len(MARK)] != MARK:
            self.fault = "foreign"
            return None
        utc_s = _decode(registers)
        self.fault = "garbled" if utc_s is None else ""
        return utc_s

    def write_utc_s(self, utc_s: int) -> bool:
        """Set the chip; its second begins now. False if it did not take it. ValueError: not 2000..2099."""
        _encode(self._time, utc_s)
        i2c, address = self._i2c, self._address
        try:
            i2c.writeto_mem(address, _TIME, self._time)
            i2c.writeto_mem(address, _ALARM, MARK)
            i2c.writeto_mem(
                address, _CONTROL, bytes((_NO_INTERRUPTS, 0))
            )  # runs, on battery too; OSF cleared
        except OSError:
            self.fault = "silent"
            return False
        return self.read_utc_s() is not None


def _from_bcd(value: int) -> int:
    """Return 0..99, or 100 for what is not two decimal digits."""
    tens, ones = value >> 4, value & 0x0F
    return tens * 10 + ones if tens < 10 and ones < 10 else 100


def _decode(registers) -> "int | None":
    second, minute, hour = _from_bcd(registers[0]), _from_bcd(registers[1]), _from_bcd(registers[2])
    day, month, year = _from_bcd(registers[4]), _from_bcd(registers[5]), 2000 + _from_bcd(registers[6])
    # a month with the century bit, or an hour in 12-hour form, is out of range too: both are not ours
    if second > 59 or minute > 59 or hour > 23 or not 1 <= month <= 12 or not 1 <= day <= 31 or year > 2099:
        return None
    days = days_from_civil(year, month, day)
    if civil_from_days(days) != (year, month, day):
        return None
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def _to_bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def _encode(buffer: bytearray, utc_s: int) -> None:
    days, rest = divmod(utc_s, 86400)
    year, month, day = civil_from_days(days)
    if not 2000 <= year <= 2099:
        raise ValueError("not in 2000..2099")
    # 1970-01-01 was a Thursday; the chip's week begins with Monday = 1
    fields = (rest % 60, rest // 60 % 60, rest // 3600, (days + 3) % 7 + 1, day, month, year - 2000)
    for index in range(7):
        buffer[index] = _to_bcd(fields[index])
