"""DS3231 at the level of its registers and its I2C transfers.

Document: Maxim DS3231 datasheet 19-5170. Times are UTC ms from a clock that is passed in; what the chip holds
is whatever date was written to it. Its oscillator is off by `drift_ppm`.

Not modelled: alarms (their registers hold what was written), square wave, 32 kHz pin, the effect of
temperature and ageing. Assumed, the datasheet calling it undefined: a date that does not exist stands still.
"""

import errno
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["Ds3231Model"]

ADDRESS = 0x68
COUNT = 0x13
POWER_ON = {0x03: 1, 0x04: 1, 0x05: 1, 0x0E: 0x1C, 0x0F: 0x88, 0x11: 25}
"""Registers that are not 0 when power comes for the first time; the date is 01/01/00."""

_WRITABLE = bytes.fromhex("7f7f7f073f9fff ffffffff ffffff ff 00 ff 0000")
_STATUS_WRITABLE, _CLEAR_ONLY = 0x08, 0x83
_EOSC, _OSF, _TWELVE_HOURS, _PM, _CENTURY = 0x80, 0x80, 0x40, 0x20, 0x80
_CHAIN_NS = 1_000_000_000


class Ds3231Model:
    """One chip; `clock` tells the true UTC ms. A new chip has just got power: its oscillator flag is set."""

    def __init__(self, clock: Callable[[], int], *, address: int = ADDRESS, drift_ppm: float = 0) -> None:
        self._clock = clock
        self._address = address
        self._drift_ppb = round(drift_ppm * 1000)
        self._registers = bytearray(COUNT)
        self._vcc = True
        self._since_ms = clock()
        self.first_power()

    # -- what happens to the chip -----------------------------------------------------------------------

    def first_power(self) -> None:
        """Both supplies were gone and are back: everything is as in the datasheet, and the time is lost."""
        self._since_ms = self._clock()
        self._chain_ns = 0
        self._registers[:] = bytes(COUNT)
        for register, value in POWER_ON.items():
            self._registers[register] = value
        self._user = bytes(self._registers)

    def supply(self, vcc: bool) -> None:
        """Main supply comes or goes; the battery stays. Without VCC nobody acknowledges on the bus."""
        self.advance()
        self._vcc = vcc
        self.advance()

    def drift(self, ppm: float) -> None:
        """From now on the oscillator is off by `ppm`."""
        self.advance()
        self._drift_ppb = round(ppm * 1000)

    def stop_oscillator(self) -> None:
        """A disturbance of the crystal: it lost some cycles, and says so."""
        self.advance()
        self._registers[0x0F] |= _OSF

    def poke(self, register: int, value: int) -> None:
        """Turn a register into something else, as radiation or a broken battery would."""
        self.advance()
        self._registers[register] = value & 0xFF

    def utc_ms(self) -> int | None:
        """What the chip holds, fractions of its second included; None if that is no date."""
        self.advance()
        date = self._date()
        return None if date is None else round(date.timestamp() * 1000) + self._chain_ns // 1_000_000

    # -- time -------------------------------------------------------------------------------------------

    @property
    def _running(self) -> bool:
        return self._vcc or not self._registers[0x0E] & _EOSC

    def advance(self) -> None:
        """Count up to now. A clock that stands still or goes back adds nothing."""
        now_ms = self._clock()
        ms, self._since_ms = max(0, now_ms - self._since_ms), now_ms
        if not self._running:
            self._registers[0x0F] |= _OSF
            return
        self._chain_ns += ms * 1_000_000 + ms * self._drift_ppb // 1000
        seconds, self._chain_ns = divmod(self._chain_ns, _CHAIN_NS)
        date = self._date()
        if seconds and date is not None:
            self._put(date, date + timedelta(seconds=seconds))

    def _date(self) -> datetime | None:
        second, minute, hour, _, day, month, year = self._registers[:7]
        if hour & _TWELVE_HOURS:
            twelve = _from_bcd(hour & 0x1F)
            hours = twelve % 12 + (12 if hour & _PM else 0) if 1 <= twelve <= 12 else 99
        else:
            hours = _from_bcd(hour)
        try:
            return datetime(
                2000 + (100 if month & _CENTURY else 0) + _from_bcd(year), _from_bcd(month & 0x1F),
                _from_bcd(day), hours, _from_bcd(minute), _from_bcd(second), tzinfo=UTC,
            )  # fmt: skip
        except ValueError:
            return None

    def _put(self, before: datetime, date: datetime) -> None:
        """Registers for `date`; the form of the hour stays, the day of the week counts midnights."""
        registers = self._registers
        days = (date.date() - before.date()).days
        hour = _to_bcd(date.hour)
        if registers[2] & _TWELVE_HOURS:
            hour = _TWELVE_HOURS | (_PM if date.hour >= 12 else 0) | _to_bcd((date.hour + 11) % 12 + 1)
        registers[:3] = bytes((_to_bcd(date.second), _to_bcd(date.minute), hour))
        registers[3] = (registers[3] - 1 + days) % 7 + 1
        century = _CENTURY if date.year % 200 >= 100 else 0
        registers[4:7] = bytes((_to_bcd(date.day), century | _to_bcd(date.month), _to_bcd(date.year % 100)))

    # -- the bus: the calls of MicroPython's machine.I2C ------------------------------------------------

    def readfrom_mem(self, address: int, register: int, count: int) -> bytes:
        """Read `count` registers from `register` on; behind 12h comes 00h. OSError ENODEV: nobody there."""
        self._start(address)
        read = bytearray()
        for pointer in range(register, register + count):
            if pointer % COUNT == 0:
                self._latch()
            read.append(self._user[pointer % COUNT])
        return bytes(read)

    def readfrom_mem_into(self, address: int, register: int, buffer: bytearray) -> None:
        """Fill `buffer` from `register` on."""
        buffer[:] = self.readfrom_mem(address, register, len(buffer))

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Write registers from `register` on, each as its byte is acknowledged."""
        self._start(address)
        for offset, value in enumerate(data):
            self._store((register + offset) % COUNT, value)

    def _start(self, address: int) -> None:
        if address != self._address or not self._vcc:
            raise OSError(errno.ENODEV, "nobody acknowledges")
        self._latch()

    def _latch(self) -> None:
        """Time goes to the user's buffer, so that a read is of one moment."""
        self.advance()
        self._user = bytes(self._registers)

    def _store(self, register: int, value: int) -> None:
        if register == 0x0F:
            # flags can be cleared, not set
            kept = self._registers[0x0F] & (value | ~_CLEAR_ONLY) & ~_STATUS_WRITABLE
            self._registers[0x0F] = kept | value & _STATUS_WRITABLE
            return
        if register == 0:
            self._chain_ns = 0
        mask = _WRITABLE[register]
        self._registers[register] = value & mask | self._registers[register] & ~mask & 0xFF


def _from_bcd(value: int) -> int:
    tens, ones = value >> 4, value & 0x0F
    return tens * 10 + ones if tens < 10 and ones < 10 else 999


def _to_bcd(value: int) -> int:
    return value // 10 << 4 | value % 10
