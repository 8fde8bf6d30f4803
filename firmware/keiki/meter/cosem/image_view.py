"""Image transfer over the meter's updates (meter/update.py). An image's identifier is the bundle's, 32 bytes.

Blocks come in order, because they go straight into the slot; one that is there already is passed over. An
answer waits until what it began has been checked. After a restart a transfer is initiated anew and goes on.
Who only reads loads nothing of the update.
"""

import asyncio

from keiki.meter import update_record as updates
from keiki.wire.compat import const
from keiki.wire.cosem.results import OTHER, TEMPORARY_FAILURE, AccessError

BLOCK = const(512)
_RESTART_MS = const(1000)
_NOT_INITIATED, _INITIATED, _VERIFYING, _VERIFIED, _FAILED, _ACTIVATING = 0, 1, 2, 3, 4, 5


class ImageView:
    """Attributes and methods of class 18 for the updates of `meter` (the composition root)."""

    block_size = BLOCK
    enabled = 1

    def __init__(self, meter) -> None:
        self._meter = meter

    @property
    def _update(self):
        return self._meter.updates.current

    def _size(self) -> int:
        update = self._update
        return 0 if update is None else update.size

    def blocks(self) -> "tuple[int, int]":
        """Which blocks are there, as (bits, how many): the first ones."""
        count, there = -(-self._size() // BLOCK), self.first_missing()
        return ((1 << there) - 1) << (count - there), count

    def first_missing(self) -> int:
        """The number of the first block that is not there, or not whole."""
        size = self._size()
        offset = self._update.offset if size else 0
        return -(-size // BLOCK) if offset == size else offset // BLOCK

    def status(self) -> int:
        """Where it stands, as the standard numbers it."""
        update = self._update
        if update is None:
            return _NOT_INITIATED
        if update.state == updates.CHECKING:
            return _VERIFYING if update.offset == update.size else _INITIATED
        return {
            updates.RECEIVING: _INITIATED,
            updates.VERIFIED: _VERIFIED,
            updates.REFUSED: _FAILED,
            updates.ACTIVATED: _ACTIVATING,
        }.get(update.state, _NOT_INITIATED)

    def to_activate(self) -> list:
        """What has been verified: size, identifier, no signature of its own."""
        update = self._update
        if update is None or update.state != updates.VERIFIED:
            return []
        return [(update.size, update.identity, b"")]

    def initiate(self, value: tuple, association) -> None:
        """Method image_transfer_initiate."""
        identity, size = value
        self._meter.updates.open(self._meter)
        self._do("begin", identity, size)
        self._wait(association)

    def transfer(self, value: tuple, association) -> None:
        """Method image_block_transfer."""
        number, data = value
        if len(data) > BLOCK:
            raise AccessError(OTHER)
        self._do("write", number * BLOCK, data)
        self._wait(association)

    def verify(self, _value: int, association) -> None:
        """Method image_verify."""
        self._do("verify")
        self._wait(association)

    def activate(self, _value: int, _association) -> None:
        """Method image_activate: the meter starts anew when the answer is out."""
        self._do("activate")
        asyncio.create_task(self._start_anew())  # noqa: RUF006 - nothing is left to wait for it

    async def _start_anew(self) -> None:
        await asyncio.sleep_ms(_RESTART_MS)
        self._meter.restart()

    def _do(self, step: str, *arguments) -> None:
        if self._update is None:
            raise AccessError(TEMPORARY_FAILURE)
        from keiki.wire.update_manifest import BundleError

        try:
            getattr(self._update, step)(*arguments)
        except BundleError:
            raise AccessError(TEMPORARY_FAILURE) from None
        if self._update.state == updates.REFUSED:
            raise AccessError(OTHER)

    def _wait(self, association) -> None:
        if self._update.state == updates.CHECKING:
            association.wait_for(self._update.settled)
