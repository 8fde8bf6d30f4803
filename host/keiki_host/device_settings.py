"""Settings that are attributes of COSEM objects: where each is, and what its value means there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keiki.wire.cosem.axdr import ENUM, OCTETS, STRUCTURE, U16, U32

_NO_LIMIT = 0xFFFFFFFF


def _same(raw: Any) -> Any:
    return raw


def _held(value: Any, _held: Any) -> Any:
    return value


@dataclass(frozen=True)
class Setting:
    """`shape` is None for one that nobody may set; `needs_held`: what is there is part of what is written."""

    descriptor: tuple[int, bytes, int]
    shape: Any = None
    value_of: Callable[[Any], Any] = _same
    raw_of: Callable[[Any, Any], Any] = _held
    needs_held: bool = False

    @property
    def may_be_set(self) -> bool:
        """Whether the management client may."""
        return self.shape is not None


def _limiter(attribute: int) -> tuple[int, bytes, int]:
    return 71, b"\0\0\x11\0\0\xff", attribute


SETTINGS = {
    "serial": Setting((1, b"\0\0\x60\1\0\xff", 2), value_of=lambda raw: raw.decode("ascii", "replace")),
    "session_idle_s": Setting((41, b"\0\0\x19\0\0\xff", 6), U16),
    "push_to": Setting(
        (40, b"\0\0\x19\x09\0\xff", 3),
        (STRUCTURE, ENUM, OCTETS, ENUM),
        lambda raw: raw[1].decode("ascii", "replace"),
        lambda value, held: (held[0], value.encode(), held[2]),
        needs_held=True,
    ),
    "push_window_s": Setting((40, b"\0\0\x19\x09\0\xff", 5), U16),
    "disconnect_mode": Setting((70, b"\0\0\x60\3\x0a\xff", 4), ENUM),
    "contract_a": Setting(
        _limiter(4),
        U32,
        lambda raw: None if raw == _NO_LIMIT else raw // 1000,
        lambda value, _held: _NO_LIMIT if value is None else value * 1000,
    ),
    "limit_over_s": Setting(_limiter(6), U32),
    "reclose_s": Setting(_limiter(7), U32),
}
"""By their names, in the order of the table of settings."""
