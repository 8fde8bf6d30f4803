"""What holds for every request and answer: sizes, times, and headers that keep a browser out of mischief."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX = 16 * 1024
BODY_S = 10.0
"""How long a body may take to arrive."""

_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_STORE = (b"cache-control", b"no-store")


class TooMuchError(Exception):
    """A body is too long, or takes too long."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Guards:
    """Wraps an app: bodies of at most 16 KiB within 10 s, and headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                more = [*_HEADERS, _NO_STORE] if scope["path"].startswith("/api/") else [*_HEADERS]
                message = {**message, "headers": [*message.get("headers", []), *more]}
            await send(message)

        try:
            body = await _body(scope, receive)
        except TooMuchError as error:
            await _say(guarded, error.status, str(error))
            return
        if body is None:  # the client is gone
            return
        given = False

        async def once() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, once, guarded)
        assert begun


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value) > BODY_MAX):
            raise TooMuchError(413, f"body: longer than {BODY_MAX} bytes")
    body = b""
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += bytes(message.get("body", b""))
                if len(body) > BODY_MAX:
                    raise TooMuchError(413, f"body: longer than {BODY_MAX} bytes")
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        raise TooMuchError(408, f"body: not there within {BODY_S:g} s") from None


async def _say(send: Send, status: int, text: str) -> None:
    body = b'{"error": "%s"}' % text.encode()
    headers: list[tuple[bytes, Any]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
