"""A board and everything that can be wrong with one: pins, buses, scale, flash."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from keiki_host.bench.ics import ade7953_parts, atm90e32_parts, bl0942_parts
from keiki_host.board_chips import CHIPS, Chip
from keiki_host.board_parts import (
    Data,
    Flash,
    FrontEnd,
    I2c,
    Line,
    Partition,
    Pulse,
    Radio,
    Relay,
    Rtc,
    Spi,
    Uart,
)  # fmt: skip

BLOCK = 4096
DATA = "keiki"
"""Label of the partition that has the meter's data."""
VERSIONS = 3
"""Equal parts of partition romfs: what was flashed, and the slots a and b of updates (hal/esp32_slots.py)."""
_APP_ALIGNED = 0x10000
_TABLE_END = 0x9000  # the bootloader and the partition table come first


class Board(Data):
    """A board, as its board.py says. Pins are the chip's own numbers; those in `active_low` are on at 0 V."""

    name: str
    chip: Literal["esp32", "esp32s3", "esp32c3", "rp2040", "rp2350"]
    image: str
    """MicroPython's name of the image that runs on it."""
    front_end: FrontEnd
    rating_a: Literal[30, 40, 50, 60, 120]
    metering: dict[str, Any]
    uarts: dict[int, Uart]
    spis: dict[int, Spi]
    i2cs: dict[int, I2c]
    active_low: tuple[int, ...]
    radio: Radio | None
    wifi: bool
    rtc: Rtc | None
    tamper: Line | None
    relay: Relay | None
    pulse: Pulse | None
    brown_out: Line | None
    watchdog_ms: Annotated[int, Field(ge=1000)]
    flash: Flash
    partitions: tuple[Partition, ...] = ()

    @property
    def of_chip(self) -> Chip:
        """What its chip can do."""
        return CHIPS[self.chip]

    @property
    def port(self) -> str:
        """MicroPython's port: esp32 or rp2."""
        return self.of_chip.port

    def partition(self, name: str) -> Partition:
        """Return a partition by its label. KeyError: there is none."""
        for row in self.partitions:
            if row.name == name:
                return row
        raise KeyError(name)

    @property
    def rom_bytes(self) -> int:
        """How long the ROMFS image of a version may be."""
        return self.partition("romfs").size // VERSIONS // BLOCK * BLOCK

    @property
    def flash_bytes(self) -> int:
        """Where the last partition ends; 0: the chip has no partition table."""
        return max((row.offset + row.size for row in self.partitions), default=0)

    def pins(self) -> list[tuple[str, int]]:
        """Every pin that is used, and what for."""
        rows: list[tuple[str, int | None]] = []
        for kind, buses in (("uarts", self.uarts), ("spis", self.spis), ("i2cs", self.i2cs)):
            for number, bus in buses.items():
                rows += [(f"{kind}.{number}.{of}", pin) for of, pin in bus.model_dump().items()]
        selects = self.metering.get("cs", ())
        selects = (selects,) if isinstance(selects, int) else selects
        rows += [(f"metering.cs.{n}", pin) for n, pin in enumerate(selects)]
        rows += [(f"metering.cf.{n}", pin) for n, pin in enumerate(self.metering.get("cf", ()))]
        rows += [("flash.cs", self.flash.cs)]
        rows += [(name, line.pin) for name, line in self._lines() if line is not None]
        if self.relay is not None:
            rows += [
                (f"relay.{of}", getattr(self.relay, of)) for of in ("open", "close", "contact", "button")
            ]
        return [(name, pin) for name, pin in rows if pin is not None]

    def _lines(self) -> tuple[tuple[str, Line | Pulse | None], ...]:
        return ("tamper", self.tamper), ("pulse", self.pulse), ("brown_out", self.brown_out)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for check in (self._check_pins, self._check_buses, self._check_metering, self._check_flash):
            check()
        if self.watchdog_ms > self.of_chip.watchdog_ms:
            raise ValueError(f"watchdog_ms: a {self.chip} takes {self.of_chip.watchdog_ms} at most")
        if self.radio is None and not self.wifi:
            raise ValueError("radio: without it and without wifi nobody hears of this meter")
        return self

    def _check_pins(self) -> None:
        used: dict[int, str] = {}
        for name, pin in self.pins():
            if pin not in self.of_chip.pins:
                raise ValueError(f"{name}: pin {pin} of a {self.chip} is not to be had")
            if pin in used:
                raise ValueError(f"{name}: pin {pin} is {used[pin]} already")
            used[pin] = name
            driven = name.startswith(("metering.cf", "brown_out")) or name.endswith((".rx", ".miso", ".cts"))
            if pin in self.of_chip.inputs and not driven:
                raise ValueError(f"{name}: pin {pin} of a {self.chip} drives nothing and has no pull-up")
        for pin in self.active_low:
            if pin not in used:
                raise ValueError(f"active_low: nothing is on pin {pin}")

    def _check_buses(self) -> None:
        chip = self.of_chip
        for kind, has, free in (
            ("uarts", self.uarts, chip.uarts),
            ("spis", self.spis, chip.spis),
            ("i2cs", self.i2cs, chip.i2cs),
        ):
            if not free.issuperset(has):
                raise ValueError(f"{kind}: a {self.chip} has {sorted(free)} to spare")
        asked: list[tuple[str, dict[int, Any], int | None]] = [
            ("metering.uart", self.uarts, self.metering.get("uart")),
            ("metering.spi", self.spis, self.metering.get("spi")),
            ("flash.spi", self.spis, self.flash.spi),
            ("radio.uart", self.uarts, self.radio.uart if self.radio else None),
            ("rtc.i2c", self.i2cs, self.rtc.i2c if self.rtc else None),
        ]
        asked += [("metering.uarts", self.uarts, number) for number in self.metering.get("uarts", ())]
        lines = [number for name, _, number in asked if "uart" in name and number is not None]
        for name, buses, number in asked:
            if number is not None and number not in buses:
                raise ValueError(f"{name}: {number} has no pins")
        if len(lines) != len(set(lines)):
            raise ValueError("uarts: a line has one part")

    def _check_metering(self) -> None:
        ic = self.metering.get("ic")
        front = self.front_end
        expected: dict[str, Any]
        if ic == "atm90e32":
            parts = atm90e32_parts.Parts(
                front.divider_top_ohm, front.divider_bottom_ohm, front.ct_turns, front.burden_mohm / 1000,
                self.metering.get("pga", 1),
            )  # fmt: skip
            expected, range_a = parts.board(self.metering.get("line_hz", 50)), parts.range_a
        elif ic == "ade7953":
            chip = ade7953_parts.Parts(
                front.divider_top_ohm, front.divider_bottom_ohm, front.ct_turns, front.burden_mohm / 1000
            )
            expected, range_a = {"scale": chip.board()["scale"]}, chip.full_a
        elif ic == "bl0942":
            shunt = bl0942_parts.Parts(
                front.burden_mohm * 1000 // front.ct_turns, front.divider_top_ohm, front.divider_bottom_ohm
            )
            expected, range_a = {"scale": shunt.scale()}, shunt.range_a
        else:
            raise ValueError(f"metering.ic: {ic!r} is not for a board of this chip")
        for name, value in expected.items():
            if self.metering.get(name) != value:
                raise ValueError(f"metering.{name}: front_end makes it {value}")
        if range_a < self.rating_a:
            raise ValueError(f"rating_a: front_end reaches to {range_a:.0f} A")

    def _check_flash(self) -> None:
        flash = self.flash
        raw = flash.blocks is not None and flash.page is not None
        if raw == (flash.folder is not None):
            raise ValueError("flash: either folder, or blocks and page")
        if not self.of_chip.partitions:
            if self.partitions:
                raise ValueError(f"partitions: a {self.chip} has no such table")
            if raw and None in (flash.spi, flash.cs, flash.baudrate):
                raise ValueError("flash: blocks lie on an SPI NOR chip: spi, cs and baudrate")
            return
        if flash.spi is not None or not raw:
            raise ValueError("flash: an ESP32 has its data in a partition: blocks and page")
        self._check_partitions()

    def _check_partitions(self) -> None:
        end = _TABLE_END
        for row in self.partitions:
            if row.offset < end or row.offset % BLOCK or row.size % BLOCK:
                raise ValueError(f"partitions: {row.name} does not lie on blocks of its own")
            if row.type == "app" and row.offset % _APP_ALIGNED:
                raise ValueError(f"partitions: {row.name} does not begin at a multiple of 64 KiB")
            end = row.offset + row.size
        names = [row.name for row in self.partitions]
        for name in ("factory", "romfs", DATA, "vfs"):
            if names.count(name) != 1:
                raise ValueError(f"partitions: one of them is {name}")
        if self.partition(DATA).size != (self.flash.blocks or 0) * BLOCK:
            raise ValueError(f"partitions: {DATA} has not the size of flash.blocks")
