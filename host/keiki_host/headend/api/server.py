"""Serves the app with uvicorn; a client that does not say what it wants in time is cut off."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from keiki_host.headend.api.app import make_app
from keiki_host.headend.api.caller import Place

HEAD_S = 10.0
"""How long the head of a request may take to arrive."""
HEAD_MAX = 16 * 1024
CLIENTS_MAX = 500


class PromptProtocol(H11Protocol):
    """HTTP/1.1; ends a connection whose first request is not there within 10 s."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._late = asyncio.get_running_loop().call_later(HEAD_S, self._cut)

    def _cut(self) -> None:
        if self.cycle is None and self.transport is not None:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._late.cancel()
        super().connection_lost(exc)


class Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def make_server(place: Place, host: str, port: int) -> Server:
    """A server to be run with `await server.serve()`, or `serve(sockets=[...])`; port 0: any that is free."""
    config = uvicorn.Config(
        make_app(place),
        host=host,
        port=port,
        http=PromptProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        limit_concurrency=CLIENTS_MAX,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=HEAD_MAX,
    )
    return Server(config)
