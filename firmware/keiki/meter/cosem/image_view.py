"""Image transfer over the meter's updates (meter/update.py). An image's identifier is the bundle's, 32 bytes.

Blocks come in order, because they go straight into the slot; one that is there already is passed over. An
answer waits until what it began has been checked. After a restart a transfer is initiated anew and goes on.
"""

import asyncio

from keiki.meter import update as updates
from keiki.wire.compat import const
from keiki.wire.cosem.results import OTHER, TEMPORARY_FAILURE, AccessError
from keiki.wire.update_manifest import BundleError

BLOCK = const(512)
_RESTART_MS = const(1000)
_NOT_INITIATED, _INITIATED, _VERIFYING, _VERIFIED, _FAILED, _ACTIVATING = 0, 1, 2, 3, 4, 5


class ImageView:
    """Attributes and methods of class 18 for `update`; `restart()` starts the meter anew."""

    block_size = BLOCK
    enabled = 1

    def __init__(self, update, restart) -> None:
        self._update = update
        self._restart = restart

    def blocks(self) -> "tuple[int, int]":
        """Which blocks are there, as (bits, how many): the first ones."""
        count = -(-self._update.size // BLOCK)
        there = count if self._update.offset == self._update.size else self.first_missing()
        return ((1 << there) - 1) << (count - there), count

    def first_missing(self) -> int:
        """The number of the first block that is not there, or not whole."""
        update = self._update
        return -(-update.size // BLOCK) if update.offset == update.size else update.offset // BLOCK

    def status(self) -> int:
        """Where it stands, as the standard numbers it."""
        update = self._update
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
        return [(update.size, update.identity, b"")] if update.state == updates.VERIFIED else []

    def initiate(self, value: tuple, association) -> None:
        """Method image_transfer_initiate."""
        identity, size = value
        self._do(self._update.begin, identity, size)
        self._wait(association)

    def transfer(self, value: tuple, association) -> None:
        """Method image_block_transfer."""
        number, data = value
        if len(data) > BLOCK:
            raise AccessError(OTHER)
        self._do(self._update.write, number * BLOCK, data)
        self._wait(association)

    def verify(self, _value: int, association) -> None:
        """Method image_verify."""
        self._do(self._update.verify)
        self._wait(association)

    def activate(self, _value: int, _association) -> None:
        """Method image_activate: the meter starts anew when the answer is out."""
        self._do(self._update.activate)
        asyncio.create_task(self._start_anew())  # noqa: RUF006 - nothing is left to wait for it

    async def _start_anew(self) -> None:
        await asyncio.sleep_ms(_RESTART_MS)
        self._restart()

    def _do(self, step, *arguments) -> None:
        try:
            step(*arguments)
        except BundleError:
            raise AccessError(TEMPORARY_FAILURE) from None
        if self._update.state == updates.REFUSED:
            raise AccessError(OTHER)

    def _wait(self, association) -> None:
        if self._update.state == updates.CHECKING:
            association.wait_for(self._update.settled)
