"""One request and one answer over UDP, on the unix port: for SNTP."""

import asyncio

from keiki.hal.unix_names import address_of, exchange
from keiki.hal.waiting import split
from keiki.wire import dns
from keiki.wire.sntp import PORT


async def sntp_exchange(server: str, request: bytes, timeout_ms: int) -> "bytes | None":
    """Send `request` to `server` and return the first datagram it sends back.

    `server` is "host", "host:port", an IPv6 address or "[IPv6]:port". None: no answer within `timeout_ms`,
    no such name, or no way there. Answers of others are not heard: the socket is connected.
    """
    try:
        return await asyncio.wait_for_ms(_ask(server, request), timeout_ms)
    except (asyncio.TimeoutError, OSError, ValueError, dns.FrameError):
        return None


async def _ask(server: str, request: bytes) -> "bytes | None":
    host, port = split(server, PORT)
    raw = await address_of(host)
    return None if raw is None else await exchange(raw, port, request)
