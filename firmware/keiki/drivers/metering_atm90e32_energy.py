"""The energy registers of the ATM90E32AS: read, checked, and held until a snapshot delivers them.

Document: Atmel M90E32AS datasheet 46003B, "Energy registers": 0.01 CF, one register per leg and direction and
two for the sum of the legs, cleared when they are read.

Nothing proves which register a chip has read to us: noise on the way to it may make 81h an 85h, and import an
export. The sum registers tell. Since nobody has seen how exactly they agree on every chip, they are believed
only after they have agreed for a while, and no longer if they never agree again.
"""

from keiki.drivers.metering import Gate, Remainder
from keiki.drivers.metering_atm90e32_link import FULL, Link
from keiki.drivers.metering_atm90e32_registers import (
    CHANNELS,
    FORWARD_A,
    FORWARD_SUM,
    REVERSE_A,
    REVERSE_SUM,
    Scale,
)
from keiki.wire.compat import const

_SLACK = const(8)  # counts by which the sums may be beside, and 1/64
_TELLING = const(20)
_BELIEVED = const(5)
_STRIKES = const(10)


class Energies:
    """`held_wh_x1000` is what was booked and not delivered yet: import of R, export of R, import of T, ..

    `tell(before, after)` is called for what is refused: 0 and the counts of a register, or the counts of
    the sum and those of the legs; `lost()` if only the sum was full. `total` is what the sum has counted.
    """

    def __init__(self, link: Link, scale: Scale, rating_a: int, phases: int, tell, lost) -> None:
        self.held_wh_x1000 = [0] * (2 * phases)
        self.total = 0
        self._link = link
        self._scale = scale
        self._gate = Gate(100 * rating_a)
        self._tell = tell
        self._lost = lost
        self._registers = []
        for channel in CHANNELS[:phases]:
            self._registers += [FORWARD_A + channel, REVERSE_A + channel]
        self._registers += [FORWARD_SUM, REVERSE_SUM]
        self._counts = [0] * len(self._registers)
        self._wholes = [Remainder(scale.wh_x1000, scale.wh_divisor) for _ in self.held_wh_x1000]
        self.begin(0)

    def begin(self, now_ms: int) -> None:
        """The registers are 0 now."""
        self._since_ms = now_ms
        self._agreed = self._strikes = 0
        self._forget()

    def _forget(self) -> None:
        for index in range(len(self._counts)):
            self._counts[index] = 0

    def read(self, now_ms: int) -> bool:
        """Read all registers, and book what can be. False if not all could be read: the others wait for it.

        Once the sums are believed, all is booked or nothing. Before, a leg's register that cannot be is left
        out; if it is FULL it may still be in there, and next time there may be more.
        """
        counts = self._counts
        full, good, telling = False, True, True
        most = self._most(now_ms - self._since_ms)
        for index, register in enumerate(self._registers):
            value = self._link.take(register)
            possible = most if index < len(self._wholes) else most * len(self._wholes)
            if value == FULL and possible < FULL:
                value = self._link.take(register)  # it cannot be yet: noise, and it is still in there
            if value is None:
                return False
            if value != FULL:
                counts[index] += value
            elif index >= len(self._wholes) and possible >= FULL:
                telling = False  # a sum runs over before a leg does
                self._lost()
            else:
                full, good = index < len(self._wholes), False
                self._tell(0, FULL)
        for index in range(len(self._wholes)):
            if counts[index] > most:
                self._tell(0, counts[index])
                counts[index] = 0
                good = False
        if telling and good:
            good = self._agrees()
        if good or self._agreed < _BELIEVED:
            for index, whole in enumerate(self._wholes):
                self.held_wh_x1000[index] += whole.take(counts[index])
            self.total += counts[-2] + counts[-1]
        else:
            full = False
            for register in self._registers:
                self._link.take(register)  # what a wrong access has left
        self._forget()
        if not full:
            self._since_ms = now_ms
        return True

    def _most(self, elapsed_ms: int) -> int:
        """What the gate lets through in a register, and two counts: one was nearly complete before."""
        return self._gate.energy(elapsed_ms) // 3600 * self._scale.wh_divisor // self._scale.wh_x1000 + 2

    def _agrees(self) -> bool:
        """Whether the legs are what the sums say, or the sums are not to be believed; told if not."""
        counts = self._counts
        legs = size = 0
        for index in range(len(self._wholes)):
            legs += -counts[index] if index & 1 else counts[index]
            size += counts[index]
        total = counts[-2] - counts[-1]
        if abs(legs - total) <= _SLACK + (size >> 6):
            self._strikes = 0
            if size > _TELLING and self._agreed < _BELIEVED:
                self._agreed += 1
            return True
        self._strikes += 1
        if self._agreed < _BELIEVED or self._strikes > _STRIKES:
            self._agreed = 0
            return True
        self._tell(total, legs)
        return False
