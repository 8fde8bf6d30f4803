"""Gives a bundle to a meter, going on where an attempt was cut off: by a lost connection, or long ago."""

import base64
import time
from collections.abc import Callable
from typing import Any, Protocol

from keiki_host.device import Device, DeviceError, GoneError
from keiki_host.update.bundle import Bundle
from keiki_host.update.errors import UpdateError, UpdateGoneError, told_as_update

PIECE = 512
"""Bytes in one request, so that it fits the meter's line."""
PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Before each further attempt, as long as none of them gets anywhere."""
_LOOK_S = 0.05


class Taker(Protocol):
    """The updates of a meter, by whatever way. UpdateGoneError: it is gone; UpdateError: it refuses."""

    piece: int
    """Bytes that go in one piece."""

    def again(self) -> None:
        """Connect anew."""

    def runs(self) -> str:
        """Which version runs."""

    def begin(self, bundle: Bundle, older: bool) -> int:
        """Begin or go on; returns how much is there."""

    def data(self, offset: int, piece: bytes) -> int:
        """Give the next piece; returns how much is there."""

    def verify(self) -> None:
        """Have all of it checked."""

    def activate(self) -> None:
        """Make it the version of the next start, and start."""

    def is_activated(self) -> bool:
        """Whether it is the version of the next start already; see to it that this comes."""


class ConsoleMeter:
    """A Taker behind a console; see CosemMeter for the other way."""

    def __init__(self, device: Device, connect: Callable[[], Device] | None = None) -> None:
        self._device = device
        self._connect = connect
        self.piece = PIECE

    def _ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        with told_as_update(GoneError, DeviceError):
            answer: dict[str, Any] = self._device.ask("update", do=do, **arguments)
            return answer

    def again(self) -> None:
        """See Taker."""
        assert self._connect is not None
        self.close()
        with told_as_update(GoneError, DeviceError):
            self._device = self._connect()

    def close(self) -> None:
        """Let go of the line."""
        self._device.__exit__()

    def status(self) -> dict[str, Any]:
        """Where it stands: state, offset, runs (the version), good, slot, reason."""
        return self._ask("status")

    def runs(self) -> str:
        """See Taker."""
        return str(self.status()["runs"])

    def trust(self, modulus: bytes) -> None:
        """Give a meter that has no key yet its key."""
        self._ask("key", modulus=base64.b64encode(modulus).decode())

    def begin(self, bundle: Bundle, older: bool) -> int:
        """See Taker."""
        self._ask("begin", id=bundle.id.hex(), size=len(bundle.data), older=older)
        return self._settled()

    def data(self, offset: int, piece: bytes) -> int:
        """See Taker."""
        answer = self._ask("data", offset=offset, data=base64.b64encode(piece).decode())
        return self._offset(answer) if answer["state"] == "receiving" else self._settled()

    def verify(self) -> None:
        """See Taker."""
        self._ask("verify")
        self._settled()

    def activate(self) -> None:
        """See Taker."""
        self._ask("activate")
        self._restart()

    def is_activated(self) -> bool:
        """See Taker."""
        if self.status()["state"] != "activated":
            return False
        self._restart()
        return True

    def _restart(self) -> None:
        with told_as_update(GoneError, DeviceError):
            self._device.ask("restart")

    def _settled(self) -> int:
        while (answer := self.status())["state"] == "checking":
            time.sleep(_LOOK_S)
        return self._offset(answer)

    def _offset(self, answer: dict[str, Any]) -> int:
        if answer["state"] == "refused":
            raise UpdateError(f"{self._device.url}: the meter refuses it: {answer['reason']}")
        return int(answer["offset"])


def send(
    meter: Taker,
    bundle: Bundle,
    *,
    older: bool,
    progress: Callable[[int], None],
    lost: Callable[[str], None] = lambda _reason: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Give `bundle` to a meter and start it. UpdateError: it refuses, or does not come back.

    `progress` hears how much is there; `lost` why a connection is lost, and then it goes on from there.
    """
    attempt = _Attempt(meter, bundle, older, progress)
    fails = reached = 0
    before = meter.runs()
    while True:
        try:
            if fails:
                meter.again()
            if (
                not attempt.asked_to_start
                or before == bundle.said.get("version")
                or not attempt.has_started()
            ):
                attempt.transfer()
            return
        except UpdateGoneError as error:
            if attempt.offset > reached:
                fails, reached = 0, attempt.offset
            if fails == len(PAUSES_S):
                raise
            lost(str(error))
            pause(PAUSES_S[fails])
            fails += 1


class _Attempt:
    """A transfer, and how far it has come."""

    def __init__(self, meter: Taker, bundle: Bundle, older: bool, progress: Callable[[int], None]) -> None:
        self._meter, self._bundle, self._older = meter, bundle, older
        self._progress = progress
        self.offset = 0
        self.asked_to_start = False

    def transfer(self) -> None:
        """Give what is not there yet, have it checked and started."""
        meter, data = self._meter, self._bundle.data
        self._reach(meter.begin(self._bundle, self._older))
        while self.offset < len(data):
            self._reach(meter.data(self.offset, data[self.offset : self.offset + meter.piece]))
        meter.verify()
        self.asked_to_start = True
        meter.activate()

    def has_started(self) -> bool:
        """Whether the meter had taken it when the connection was lost."""
        return self._meter.is_activated() or self._meter.runs() == self._bundle.said.get("version")

    def _reach(self, offset: int) -> None:
        self.offset = offset
        self._progress(offset)
