"""Gives a bundle to a meter over the A-route, by COSEM image transfer (class 18)."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from keiki.wire.cosem import values
from keiki.wire.cosem.axdr import I8, OCTETS, STRUCTURE, U32
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.wrapper import PORT

from keiki_host.bench.options import InputError
from keiki_host.cosem.keys import KeyFileError, from_environment, from_file
from keiki_host.cosem.link import LinkError, MeterLink
from keiki_host.update.bundle import Bundle
from keiki_host.update.errors import UpdateError

_CLASS, _NAME = 18, b"\x00\x00\x2c\x00\x00\xff"
_BLOCK_SIZE, _FIRST_MISSING, _STATUS = 2, 4, 6
_INITIATE, _TRANSFER, _VERIFY, _ACTIVATE = 1, 2, 3, 4
_FAILED = 4
_encode: Any = values.encode


class CosemMeter:
    """The updates of the meter behind an A-route; see ConsoleMeter. UpdateError from all."""

    def __init__(self, link: MeterLink, name: str) -> None:
        self._link = link
        self._name = name
        self.piece = int(self._get(_BLOCK_SIZE))

    def _get(self, attribute: int) -> Any:
        try:
            return self._link.get((_CLASS, _NAME, attribute))
        except AccessError:
            raise UpdateError(f"{self._name}: this meter takes no updates over the A-route") from None
        except LinkError as error:
            raise UpdateError(str(error)) from None

    def _act(self, method: int, shape: Any, value: Any) -> None:
        try:
            self._link.act((_CLASS, _NAME, method), _encode(shape, value))
        except LinkError as error:
            raise UpdateError(str(error)) from None
        except AccessError as error:
            why = "its event log has more" if self._get(_STATUS) == _FAILED else f"result {error.code}"
            raise UpdateError(f"{self._name}: the meter refuses it ({why})") from None

    def _there(self, bundle: Bundle) -> int:
        return min(len(bundle.data), int(self._get(_FIRST_MISSING)) * self.piece)

    def begin(self, bundle: Bundle, older: bool) -> int:
        """Begin or go on; returns how much is there."""
        if older:
            raise InputError("older: over the A-route only the signer allows it (keiki bundle make --older)")
        self._act(_INITIATE, (STRUCTURE, OCTETS, U32), (bundle.id, len(bundle.data)))
        return self._there(bundle)

    def data(self, offset: int, piece: bytes) -> int:
        """Give the next block; returns how much is there."""
        self._act(_TRANSFER, (STRUCTURE, U32, OCTETS), (offset // self.piece, piece))
        return offset + len(piece)

    def verify(self) -> None:
        """Have all of it checked."""
        self._act(_VERIFY, I8, 0)

    def activate(self) -> None:
        """Make it the version of the next start, and start."""
        self._act(_ACTIVATE, I8, 0)


def open_link(url: str, timeout_s: float) -> MeterLink:
    """Reach the meter of tcp://HOST[:PORT][?keys=FILE]. InputError: no host or keys; UpdateError."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
        path = parse_qs(parts.query).get("keys", [""])[0]
        keys = from_file(Path(path)) if path else from_environment()
    except (ValueError, KeyFileError) as error:
        raise InputError(f"meter: {error}") from None
    if not parts.hostname or keys is None:
        raise InputError("meter: tcp://HOST[:PORT]?keys=FILE, or the keys in KEIKI_KEYS")
    try:
        return MeterLink(parts.hostname, port, keys, timeout_s)
    except LinkError as error:
        raise UpdateError(str(error)) from None
