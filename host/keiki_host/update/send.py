"""Gives a bundle to a meter over its console, going on where an earlier attempt was cut off."""

import base64
import time
from collections.abc import Callable
from typing import Any

from keiki_host.device import Device, DeviceError
from keiki_host.update.bundle import Bundle
from keiki_host.update.errors import UpdateError

PIECE = 512
"""Bytes in one request, so that it fits the meter's line."""
_LOOK_S = 0.05


class ConsoleMeter:
    """The updates of the meter behind a console; see CosemMeter for the other way. UpdateError from all."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.piece = PIECE

    def _ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._device.ask("update", do=do, **arguments)
            return answer
        except DeviceError as error:
            raise UpdateError(str(error)) from None

    def status(self) -> dict[str, Any]:
        """Where it stands: state, offset, runs (the version), good, slot, reason."""
        return self._ask("status")

    def trust(self, modulus: bytes) -> None:
        """Give a meter that has no key yet its key."""
        self._ask("key", modulus=base64.b64encode(modulus).decode())

    def begin(self, bundle: Bundle, older: bool) -> int:
        """Begin or go on; returns how much is there."""
        self._ask("begin", id=bundle.id.hex(), size=len(bundle.data), older=older)
        return self._settled()

    def data(self, offset: int, piece: bytes) -> int:
        """Give the next piece; returns how much is there."""
        answer = self._ask("data", offset=offset, data=base64.b64encode(piece).decode())
        return self._offset(answer) if answer["state"] == "receiving" else self._settled()

    def verify(self) -> None:
        """Have all of it checked."""
        self._ask("verify")
        self._settled()

    def activate(self) -> None:
        """Make it the version of the next start, and start."""
        self._ask("activate")
        try:
            self._device.ask("restart")
        except DeviceError as error:
            raise UpdateError(str(error)) from None

    def _settled(self) -> int:
        while (answer := self.status())["state"] == "checking":
            time.sleep(_LOOK_S)
        return self._offset(answer)

    def _offset(self, answer: dict[str, Any]) -> int:
        if answer["state"] == "refused":
            raise UpdateError(f"{self._device.url}: the meter refuses it: {answer['reason']}")
        return int(answer["offset"])


def send(meter: Any, bundle: Bundle, *, older: bool, progress: Callable[[int], None]) -> None:
    """Give `bundle` to a ConsoleMeter or CosemMeter and start it; `progress` hears how much is there."""
    offset = meter.begin(bundle, older)
    progress(offset)
    while offset < len(bundle.data):
        offset = meter.data(offset, bundle.data[offset : offset + meter.piece])
        progress(offset)
    meter.verify()
    meter.activate()
