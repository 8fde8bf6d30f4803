"""What instruments on a line have in common: calls that block, and one new connection when a call fails."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol, TypeVar

from keiki_host.calibrate.errors import CalibrateError

_Result = TypeVar("_Result")


class Connection(Protocol):
    """An instrument's line. LostError: it does not answer."""

    def connect(self) -> None:
        """Open it, and set the instrument up."""

    def disconnect(self) -> None:
        """Close it, if it is open."""


class LostError(Exception):
    """The instrument does not answer: one line."""


class Retried:
    """Calls on a connection, in a thread; one that fails is made again, once, on a new connection."""

    def __init__(self, url: str, connection: Connection) -> None:
        self._url = url
        self._connection = connection
        self._connected = False

    async def call(self, function: Callable[[], _Result]) -> _Result:
        """Return what `function` returns; CalibrateError if the instrument is gone."""
        return await asyncio.to_thread(self._call, function)

    def _call(self, function: Callable[[], _Result]) -> _Result:
        try:
            return self._once(function)
        except LostError:
            self._close()
        try:
            return self._once(function)
        except LostError as error:
            self._close()
            raise CalibrateError(f"reference: {self._url}: {error}") from None

    def _once(self, function: Callable[[], _Result]) -> _Result:
        if not self._connected:
            self._connection.connect()
            self._connected = True
        return function()

    def _close(self) -> None:
        self._connected = False
        with contextlib.suppress(LostError):
            self._connection.disconnect()

    async def close(self) -> None:
        """Disconnect."""
        await asyncio.to_thread(self._close)
