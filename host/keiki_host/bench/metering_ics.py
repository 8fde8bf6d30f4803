"""The metering ICs that a meter of the bench can have, each wired as its unix board says."""

from collections.abc import Callable
from typing import Protocol

from keiki_host.bench.bus import Bus
from keiki_host.bench.cse7766_line import TalkingChip
from keiki_host.bench.faults import Faults
from keiki_host.bench.house import House
from keiki_host.bench.ics import ade7953_parts, bl0942_parts, cse7766_parts
from keiki_host.bench.ics.ade7953 import Ade7953Model
from keiki_host.bench.ics.atm90e32 import Atm90e32Model
from keiki_host.bench.ics.bl0942 import Bl0942Bus
from keiki_host.bench.pty import PtyLine
from keiki_host.bench.waves import HouseSource
from keiki_host.bench.world import WorldClock

# as the boards say
BL0942_PARTS = bl0942_parts.Parts(shunt_uohm=200)
ADE7953_PARTS = ade7953_parts.Parts(burden_ohm=5)
CSE7766_PARTS = cse7766_parts.Parts(shunt_uohm=250)


class MeteringIc(Protocol):
    """A metering IC and its way to the firmware."""

    lines: list[PtyLine]

    def pulses(self) -> list[Callable[[], int]]:
        """What counts the pulses on each pulse pin of the chip that is wired."""

    async def environment(self) -> dict[str, str]:
        """Where the firmware finds it, ready for one that starts now."""

    def power_cycle(self) -> None:
        """Its power was gone and is back."""

    def close(self) -> None:
        """Remove its sockets; lines are the world's."""


class _Chip(Protocol):
    def advance(self) -> None: ...


class _Pulsing(Protocol):
    pulses: int


def _pulses_of(chip: _Chip, pulsing: _Pulsing) -> Callable[[], int]:
    def pulses() -> int:
        chip.advance()
        return pulsing.pulses

    return pulses


class Bl0942Chips:
    """Two BL0942 (R, T) on one serial line."""

    def __init__(self, clock: WorldClock, house: House, faults: Faults, seed: int) -> None:
        line = PtyLine(self._to_chips, clock.poke)
        wires = [house.phase(index) for index in range(house.phases)]
        self.bus = Bl0942Bus(clock.utc_ms, wires, line.write, faults, parts=BL0942_PARTS, seed=seed)
        self.chips = self.bus.chips
        self.lines = [line]

    def _to_chips(self, data: bytes) -> None:
        self.bus.receive(data)

    def pulses(self) -> list[Callable[[], int]]:
        """CF of each chip."""
        return [_pulses_of(chip, chip) for chip in self.chips]

    async def environment(self) -> dict[str, str]:
        """Serial line 0."""
        return {"KEIKI_UART0": self.lines[0].path}

    def power_cycle(self) -> None:
        """Both chips start from zero."""
        self.bus.power_cycle()

    def close(self) -> None:
        """Nothing but the line."""


class Atm90e32Chip:
    """One ATM90E32AS on SPI: R on channel A, T on channel C."""

    def __init__(self, clock: WorldClock, house: House, faults: Faults, seed: int) -> None:
        legs = [HouseSource(house.phase(index)) for index in range(house.phases)]
        self.chip = Atm90e32Model(
            clock.utc_ms, (legs[0], None, legs[1] if house.phases > 1 else None), faults, seed=seed
        )
        self.lines: list[PtyLine] = []
        self._spi = Bus()
        self._spi.spi[0] = self.chip

    def pulses(self) -> list[Callable[[], int]]:
        """CF1, of both legs."""
        return [_pulses_of(self.chip, self.chip)]

    async def environment(self) -> dict[str, str]:
        """SPI bus 0, chip select 0."""
        return {"KEIKI_SPI0": await self._spi.open()}

    def power_cycle(self) -> None:
        """The chip starts from its defaults."""
        self.chip.reset()

    def close(self) -> None:
        """Close the bus."""
        self._spi.close()


class Ade7953Chips:
    """Two ADE7953 (R, T) on SPI, for each has one voltage input only."""

    def __init__(self, clock: WorldClock, house: House, faults: Faults, seed: int) -> None:
        self.chips = [
            Ade7953Model(
                clock.utc_ms, [HouseSource(house.phase(n))], faults, parts=ADE7953_PARTS, seed=seed + n
            )
            for n in range(house.phases)
        ]
        self.lines: list[PtyLine] = []
        self._spi = Bus()
        self._spi.spi.update(enumerate(self.chips))

    def pulses(self) -> list[Callable[[], int]]:
        """CF1 of each chip."""
        return [_pulses_of(chip, chip.channels[0]) for chip in self.chips]

    async def environment(self) -> dict[str, str]:
        """SPI bus 0, chip selects 0 and 1."""
        return {"KEIKI_SPI0": await self._spi.open()}

    def power_cycle(self) -> None:
        """Both chips start from their defaults."""
        for chip in self.chips:
            chip.reset()

    def close(self) -> None:
        """Close the bus."""
        self._spi.close()


class Cse7766Chips:
    """Two CSE7766 (R, T), each on a serial line of its own."""

    _UARTS = ("KEIKI_UART0", "KEIKI_UART2")

    def __init__(self, clock: WorldClock, house: House, faults: Faults, seed: int) -> None:
        self._talking = [
            TalkingChip(clock, HouseSource(house.phase(n)), faults, CSE7766_PARTS, seed + n)
            for n in range(house.phases)
        ]
        self.lines: list[PtyLine] = [talking.line for talking in self._talking]

    def pulses(self) -> list[Callable[[], int]]:
        """CF of each chip."""
        return [_pulses_of(talking.chip, talking.chip) for talking in self._talking]

    async def environment(self) -> dict[str, str]:
        """Serial lines 0 and 2; the radio has 1."""
        return {name: line.path for name, line in zip(self._UARTS, self.lines, strict=False)}

    def power_cycle(self) -> None:
        """Both chips start from zero."""
        for talking in self._talking:
            talking.chip.reset()

    def close(self) -> None:
        """Nothing but the lines."""


ICS: dict[str, Callable[[WorldClock, House, Faults, int], MeteringIc]] = {
    "bl0942": Bl0942Chips,
    "atm90e32": Atm90e32Chip,
    "ade7953": Ade7953Chips,
    "cse7766": Cse7766Chips,
}
