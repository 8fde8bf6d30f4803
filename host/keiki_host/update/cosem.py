"""Gives a bundle to a meter over the A-route, by COSEM image transfer (class 18)."""

from collections.abc import Callable
from typing import Any

from keiki.wire.cosem import values
from keiki.wire.cosem.axdr import I8, OCTETS, STRUCTURE, U32
from keiki.wire.cosem.results import AccessError

from keiki_host.bench.options import InputError
from keiki_host.cosem import address
from keiki_host.cosem.link import GoneError, LinkError, MeterLink
from keiki_host.update.bundle import Bundle
from keiki_host.update.errors import UpdateError, told_as_update

_CLASS, _NAME = 18, b"\x00\x00\x2c\x00\x00\xff"
_BLOCK_SIZE, _FIRST_MISSING, _STATUS = 2, 4, 6
_INITIATE, _TRANSFER, _VERIFY, _ACTIVATE = 1, 2, 3, 4
_FAILED, _ACTIVATING = 4, 5
_RELEASE = (1, b"\x01\x00\x00\x02\x00\xff", 2)
_encode: Any = values.encode


class CosemMeter:
    """A Taker (send.py) behind an A-route: `connect` opens it as the management client."""

    def __init__(self, connect: Callable[[], MeterLink], name: str) -> None:
        self._connect = connect
        self._name = name
        with told_as_update(GoneError, LinkError):
            self._link = connect()
        self.piece = int(self._get(_BLOCK_SIZE))

    def again(self) -> None:
        """See Taker."""
        self._link.drop()
        with told_as_update(GoneError, LinkError):
            self._link = self._connect()

    def close(self) -> None:
        """Close the association."""
        self._link.close()

    def runs(self) -> str:
        """See Taker."""
        try:
            with told_as_update(GoneError, LinkError):
                return bytes(self._link.get(_RELEASE)).decode(errors="replace")
        except AccessError:
            return ""

    def _get(self, attribute: int) -> Any:
        try:
            with told_as_update(GoneError, LinkError):
                return self._link.get((_CLASS, _NAME, attribute))
        except AccessError:
            raise UpdateError(f"{self._name}: this meter takes no updates over the A-route") from None

    def _act(self, method: int, shape: Any, value: Any) -> None:
        try:
            with told_as_update(GoneError, LinkError):
                self._link.act((_CLASS, _NAME, method), _encode(shape, value))
        except AccessError as error:
            why = "its event log has more" if self._get(_STATUS) == _FAILED else f"result {error.code}"
            raise UpdateError(f"{self._name}: the meter refuses it ({why})") from None

    def _there(self, bundle: Bundle) -> int:
        return min(len(bundle.data), int(self._get(_FIRST_MISSING)) * self.piece)

    def begin(self, bundle: Bundle, older: bool) -> int:
        """See Taker."""
        if older:
            raise InputError("older: over the A-route only the signer allows it (keiki bundle make --older)")
        self._act(_INITIATE, (STRUCTURE, OCTETS, U32), (bundle.id, len(bundle.data)))
        return self._there(bundle)

    def data(self, offset: int, piece: bytes) -> int:
        """See Taker."""
        self._act(_TRANSFER, (STRUCTURE, U32, OCTETS), (offset // self.piece, piece))
        return offset + len(piece)

    def verify(self) -> None:
        """See Taker."""
        self._act(_VERIFY, I8, 0)

    def activate(self) -> None:
        """See Taker."""
        self._act(_ACTIVATE, I8, 0)

    def is_activated(self) -> bool:
        """See Taker."""
        return bool(self._get(_STATUS) == _ACTIVATING)


def way_to(url: str, timeout_s: float) -> Callable[[], MeterLink]:
    """Return what opens the A-route of a URL (cosem/address.py). InputError: no host or keys."""
    where = address.parse(url)
    return lambda: MeterLink(where.host, where.port, where.keys, timeout_s)
