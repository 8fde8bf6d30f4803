"""Drives the unmodified broute-j11 (`J11Session`) by commands on stdin; see lines.py."""

import asyncio
import dataclasses
import time
from typing import Any

import broute_j11 as j11
from lines import serve_async


def _fields(thing: Any) -> dict[str, Any] | None:
    """A dataclass's fields, not looking into them (an IPv6 address becomes text)."""
    if thing is None:
        return None
    return {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}


class Program:
    """One session at a time; it heals itself, as users have it."""

    def __init__(self) -> None:
        self.session: Any = None
        self.disconnects = 0
        self._changed = asyncio.Event()

    async def op_open(
        self, dev: str, rbid: str, pwd: str, backoff_s: float | None = None, **settings: Any
    ) -> dict[str, Any] | None:
        """Make a session and connect. `settings` go to SessionConfig, `backoff_s` is between attempts."""
        config = j11.SessionConfig(auth_id=rbid, password=pwd, **settings)
        backoff = None if backoff_s is None else j11.BackoffPolicy(initial=backoff_s, maximum=backoff_s)
        self.session = j11.J11Session(
            j11.SerialTransport(dev), config, backoff=backoff, on_disconnect=self._disconnected
        )
        return await self.op_connect()

    def _disconnected(self) -> None:
        self.disconnects += 1
        self._changed.set()

    async def op_connect(self) -> dict[str, Any] | None:
        """One attempt to connect; does nothing while connected."""
        return _fields(await self.session.async_connect())

    async def op_ensure_connected(self) -> dict[str, Any] | None:
        """Connect, with the package's own attempts and waiting times."""
        return _fields(await self.session.async_ensure_connected())

    async def op_read(self) -> dict[str, Any] | None:
        """E7, E8, E0 and E3 in one request; connects again first if the session was lost."""
        return _fields(await self.session.async_read_meter())

    def op_profile(self) -> dict[str, Any] | None:
        """D3, D7, E1, 8A, 82, 8D as read at the start of the session."""
        return _fields(self.session.profile)

    def op_state(self) -> dict[str, Any]:
        """What the session knows of itself."""
        stats = _fields(self.session.stats) or {}
        return {
            "connected": self.session.connected,
            "disconnects": self.disconnects,
            "authentication_failed": self.session.authentication_failed,
            "link": _fields(self.session.link),
            "network": _fields(self.session.cached_network),
            "stats": {**stats, "frames": _fields(stats["frames"])},
        }

    async def op_wait_disconnect(self, seconds: float, count: int = 1) -> int:
        """Wait until the session has been lost `count` times in all; returns how often it was."""
        end = time.monotonic() + seconds
        while self.disconnects < count and (left := end - time.monotonic()) > 0:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                break
        return self.disconnects

    async def op_close(self) -> None:
        """End the session and let the port go."""
        await self.session.async_close()


async def main() -> None:
    """Serve until the input ends."""
    await serve_async(Program())


asyncio.run(main())
