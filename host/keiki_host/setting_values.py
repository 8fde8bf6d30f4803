"""Values of settings as people write them: on a command line, in an answer, at a prompt."""

import contextlib
import getpass
import sys
from collections.abc import Mapping
from typing import Any

from keiki.wire import settings as settings_table

from keiki_host.bench.options import InputError

_FIELDS: Any = tuple(settings_table.fields())


def shown(value: Any) -> str:
    """A setting as one would write it."""
    if value is None:
        return "absent"
    return str(value).lower() if isinstance(value, bool) else str(value)


def in_order(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in the order of the table; those that it does not have come last."""
    order = [field[0] for field in _FIELDS]
    return {
        name: settings[name]
        for name in sorted(settings, key=lambda name: order.index(name) if name in order else 999)
    }


def is_secret(name: str) -> bool:
    """Whether a setting is never shown. InputError if there is none of that name."""
    try:
        return bool(settings_table.when(name) == settings_table.SECRET)
    except settings_table.SettingError as error:
        raise InputError(f"config: {error}") from None


def read_secret(name: str, *, empty: bool = False) -> str:
    """A secret from the person, never shown, or a line of standard input; `empty`: it may be none."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ")
    line = sys.stdin.readline()
    secret = line.rstrip("\r\n")
    if not (line if empty else secret):
        raise InputError(f"config: {name}: nothing came on standard input")
    return secret


def parse(name: str, text: str) -> Any:
    """Return the value that `text` means for a setting; InputError if the table refuses it."""
    kind, choices = next((field[1].rstrip("?"), field[3]) for field in _FIELDS if field[0] == name)
    value: Any = text
    if kind == "bool":
        value = {"true": True, "false": False}.get(text, text)
    elif kind == "int" or (kind == "choice" and isinstance(choices[0], int)):
        with contextlib.suppress(ValueError):
            value = int(text, 0)
    try:
        return settings_table.check(name, value)
    except settings_table.SettingError as error:
        raise InputError(f"config: {error}") from None
