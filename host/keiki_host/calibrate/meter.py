"""The meter under calibration: what it reads, and the values that it corrects by, through its console."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.pulses import PulseState
from keiki_host.calibrate.values import Values
from keiki_host.device import TIMEOUT_S, Device, DeviceError

_Model = TypeVar("_Model", bound=BaseModel)

PHASE_NAMES = ("R", "T")


class PhaseReading(BaseModel):
    """One phase of one snapshot; energies count from the start of the firmware on."""

    model_config = ConfigDict(frozen=True)

    voltage_v_x100: int
    current_ma: int
    power_w_x10: int
    reactive_var_x10: int | None = None
    power_factor_x1000: int | None = None
    frequency_hz_x100: int | None = None
    import_wh_x1000: int
    export_wh_x1000: int

    @property
    def net_wh_x1000(self) -> int:
        """Energy so far, import positive."""
        return self.import_wh_x1000 - self.export_wh_x1000


class Reading(BaseModel):
    """One snapshot: all phases at `ticks_ms` of the meter's own clock; none if its IC does not answer."""

    model_config = ConfigDict(frozen=True)

    utc_ms: int
    ticks_ms: int
    ic: str
    ignored: tuple[str, ...] = ()
    phases: tuple[PhaseReading, ...]


class Record(BaseModel):
    """What is stored on a meter: the values of each phase, and where they come from."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    phases: list[dict[str, int]]
    reference: str = Field(max_length=100)
    date: str = Field(max_length=32)
    who: str = Field(max_length=60)
    temperature_c_x10: int | None = None


class _Held(BaseModel):
    record: Record | None
    followed: list[dict[str, int]]


class _Status(BaseModel):
    serial: str


class _Settings(BaseModel):
    rating_a: int = Field(gt=0)


class Meter(Protocol):
    """A meter that can be calibrated. CalibrateError, one line, from everything that does not work."""

    serial: str
    rated_a: float
    """The largest current of a phase."""

    async def open(self) -> None:
        """Connect, and learn what is above."""

    async def reading(self) -> Reading:
        """The newest snapshot; the same one again if there is none newer."""

    async def pulses(self) -> PulseState:
        """The pulse output at the newest snapshot."""

    async def calibration(self) -> Record | None:
        """The record that is in force."""

    async def followed(self) -> list[dict[str, int]]:
        """The values that it corrects by now, for each phase; [] if it corrects nothing."""

    async def calibrate(self, phases: Sequence[Values]) -> None:
        """Correct by these values from now on, until a restart; nothing is stored."""

    async def store(self, record: Record) -> None:
        """Keep a record for good, and correct by it."""

    async def close(self) -> None:
        """Let go of the meter."""


class ConsoleMeter:
    """A meter by the URL of its console (keiki_host.device). What fails is tried once more, reconnected."""

    def __init__(
        self, url: str, timeout_s: float = TIMEOUT_S, connect: Callable[[str, float], Device] = Device
    ) -> None:
        self.serial = ""
        self.rated_a = 0.0
        self._url = url
        self._timeout_s = timeout_s
        self._connect = connect
        self._device: Device | None = None

    async def open(self) -> None:
        """Connect. CalibrateError if there is no such meter; UrlError: this names none."""
        self.serial = self._parsed(_Status, await self._ask("status")).serial
        self.rated_a = self._parsed(_Settings, await self._ask("settings")).rating_a

    async def reading(self) -> Reading:
        """The newest snapshot."""
        return self._parsed(Reading, await self._ask("reading"))

    async def pulses(self) -> PulseState:
        """The pulse output at the newest snapshot."""
        return self._parsed(PulseState, await self._ask("pulse"))

    async def calibration(self) -> Record | None:
        """The record that is in force."""
        return self._parsed(_Held, await self._ask("calibration")).record

    async def followed(self) -> list[dict[str, int]]:
        """The values in use."""
        return self._parsed(_Held, await self._ask("calibration")).followed

    async def calibrate(self, phases: Sequence[Values]) -> None:
        """Apply trial values."""
        await self._ask("calibrate", phases=[dict(values) for values in phases])

    async def store(self, record: Record) -> None:
        """Keep a record."""
        await self._ask("store_calibration", record=record.model_dump())

    async def close(self) -> None:
        """Disconnect."""
        device, self._device = self._device, None
        if device is not None:
            device.__exit__(None, None, None)

    async def _ask(self, op: str, **arguments: Any) -> Any:
        # every request may be made twice, so nothing has to be known of why it failed
        try:
            return await asyncio.to_thread(self._exchange, op, arguments)
        except DeviceError:
            await self.close()
        try:
            return await asyncio.to_thread(self._exchange, op, arguments)
        except DeviceError as error:
            raise CalibrateError(f"meter: {error}") from None

    def _exchange(self, op: str, arguments: dict[str, Any]) -> Any:
        if self._device is None:
            self._device = self._connect(self._url, self._timeout_s)
        return self._device.ask(op, **arguments)

    def _parsed(self, model: type[_Model], answer: Any) -> _Model:
        try:
            return model.model_validate(answer)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise CalibrateError(
                f"meter: {self._url}: an answer that no meter gives ({place}: {first['msg']})"
            ) from None
