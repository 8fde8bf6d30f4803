"""What a board is made of, as its board.py says it: one model for each constant that is not a plain value."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_UNSIGNED = Annotated[int, Field(ge=0)]
_POSITIVE = Annotated[int, Field(gt=0)]


class Data(BaseModel):
    """Nothing but what is named, and nothing that has to be converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FrontEnd(Data):
    """Divider of each voltage input; current transformers and their burden."""

    divider_top_ohm: _POSITIVE
    divider_bottom_ohm: _POSITIVE
    ct_turns: _POSITIVE
    burden_mohm: _POSITIVE


class Uart(Data):
    """Pins of a serial line; with `rts` and `cts` it has flow control."""

    tx: int
    rx: int
    rts: int | None = None
    cts: int | None = None


class Spi(Data):
    """Pins of an SPI bus; the chip selects are with the parts."""

    sck: int
    mosi: int
    miso: int


class I2c(Data):
    """Pins of an I2C bus."""

    scl: int
    sda: int


class Radio(Data):
    """The Wi-SUN module."""

    uart: _UNSIGNED
    baudrate: _POSITIVE
    dialect: Literal["bp35a1", "bp35c2", "rl7023ips"]


class Rtc(Data):
    """A clock chip with a battery."""

    i2c: _UNSIGNED
    chip: Literal["ds3231"]


class Line(Data):
    """One pin."""

    pin: _UNSIGNED


class Pulse(Data):
    """The output for test benches, mostly an LED."""

    pin: _UNSIGNED
    imp_per_kwh: _POSITIVE
    width_ms: _POSITIVE


class Relay(Data):
    """A latching relay: its coils, its contact, how long a pulse is, and perhaps a button."""

    open: _UNSIGNED
    close: _UNSIGNED
    contact: _UNSIGNED
    pulse_ms: Annotated[int, Field(gt=0, le=500)]
    button: _UNSIGNED | None = None


class Flash(Data):
    """Where the meter's data lies.

    `folder`: segment files on the board's file system. `blocks`: so many of 4096 bytes of raw flash, in the
    partition "keiki" or, with `spi` and `cs`, on an SPI NOR chip. `page`: see keiki/drivers/flashlog.py.
    """

    days: Annotated[int, Field(ge=100)]
    minute_days: Annotated[int, Field(ge=2)]
    folder: str | None = None
    blocks: _POSITIVE | None = None
    page: Literal[1, 256] | None = None
    spi: _UNSIGNED | None = None
    cs: _UNSIGNED | None = None
    baudrate: _POSITIVE | None = None


class Partition(BaseModel):
    """One row of an ESP32's partition table; a number as subtype is one that the table has no word for."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=15)]
    type: Literal["app", "data"]
    subtype: str | Annotated[int, Field(ge=0, le=254)]
    offset: _POSITIVE
    size: _POSITIVE
