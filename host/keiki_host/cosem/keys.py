"""Keys of a meter's A-route: from a file or the environment, and never shown."""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

MANAGEMENT, READER, PUBLIC = 1, 2, 16
"""SAPs of clients."""

CLIENTS = {"management": MANAGEMENT, "reader": READER}
_SIZE = 16


class KeyFileError(Exception):
    """No keys: one line that says which of them, and never what they are."""


@dataclass(frozen=True)
class Keys:
    """Encryption and authentication key (16 bytes each) of the client at SAP `sap`."""

    ek: bytes = field(repr=False)
    ak: bytes = field(repr=False)
    sap: int = MANAGEMENT


def from_environment(variable: str = "KEIKI_KEYS") -> Keys | None:
    """Return the keys of $KEIKI_KEYS: "EK:AK" or "reader:EK:AK", in hex; None: not set. KeyFileError."""
    text = os.environ.get(variable)
    if not text:
        return None
    parts = text.split(":")
    client = parts.pop(0) if len(parts) == 3 else "management"
    if len(parts) != 2 or client not in CLIENTS:
        raise KeyFileError(f"{variable}: neither EK:AK nor reader:EK:AK")
    return Keys(_key(variable, "ek", parts[0]), _key(variable, "ak", parts[1]), CLIENTS[client])


def from_file(path: Path) -> Keys:
    """Return the keys in a TOML file: `ek`, `ak` in hex, and perhaps `client`. KeyFileError.

    A file that others may read is refused, as ssh does.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"keys: {path}: others may read it (chmod 600)")
        found = tomllib.loads(path.read_text())
    except OSError as error:
        raise KeyFileError(f"keys: {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise KeyFileError(f"keys: {path}: not TOML") from None
    client = found.get("client", "management")
    if client not in CLIENTS:
        raise KeyFileError(f"keys: {path}: client is neither management nor reader")
    return Keys(
        _key(str(path), "ek", found.get("ek")), _key(str(path), "ak", found.get("ak")), CLIENTS[client]
    )


def _key(where: str, name: str, text: object) -> bytes:
    try:
        key = bytes.fromhex(text if isinstance(text, str) else "")
    except ValueError:
        key = b""
    if len(key) != _SIZE:
        raise KeyFileError(f"keys: {where}: {name} is not {_SIZE} bytes in hex")
    return key
