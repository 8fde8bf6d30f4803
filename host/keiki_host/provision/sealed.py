"""What a meter was given, secrets and all, in a file of this host: encrypted under the head-end's key file.

AES-256-GCM with a random nonce; the serial number, which the file also names in the clear, is authenticated.
"""

import base64
import binascii
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keiki_host.headend.keys import read_key_file
from keiki_host.provision.errors import ProvisionError, ProvisionInputError

SUFFIX = ".sealed"
_NONCE_BYTES = 12
_FORM = "keiki-sealed-1"


def path_of(folder: Path, serial: str) -> Path:
    """Return where the record of a meter is."""
    return folder / f"{serial}{SUFFIX}"


def write(
    path: Path,
    key_file: Path,
    serial: str,
    settings: Mapping[str, Any],
    *,
    new: bool,
    rand: Callable[[int], bytes] = os.urandom,
) -> None:
    """Write a record, on the disk when this returns. `new`: none may be there; else that is kept as .old.

    ProvisionInputError: there is one; ProvisionError: it cannot be written; HeadendInputError: the key file.
    """
    cipher, nonce = AESGCM(read_key_file(key_file)), rand(_NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, json.dumps(dict(settings)).encode(), _label(serial))
    text = json.dumps({"form": _FORM, "serial": serial, "sealed": base64.b64encode(sealed).decode()})
    if new and path.exists():
        raise ProvisionInputError(
            f"{path}: there is a record of this meter already; --replace writes over it"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".new")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            path.replace(path.with_name(path.name + ".old"))
        beside.replace(path)
    except OSError as error:
        raise ProvisionError(f"{path}: {error.strerror}; the meter was not changed") from None


def read(path: Path, key_file: Path) -> tuple[str, dict[str, Any]]:
    """Return serial number and settings of a record. ProvisionInputError: none, or another key file's."""
    try:
        record = json.loads(path.read_text())
        serial, sealed = record["serial"], base64.b64decode(record["sealed"], validate=True)
        if record["form"] != _FORM:
            raise ValueError
    except OSError as error:
        raise ProvisionInputError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise ProvisionInputError(f"{path}: not a sealed record") from None
    try:
        cipher = AESGCM(read_key_file(key_file))
        plain = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _label(serial))
    except (InvalidTag, ValueError):
        raise ProvisionInputError(f"{path}: not sealed under {key_file}, or changed since") from None
    settings: dict[str, Any] = json.loads(plain)
    return serial, settings


def _label(serial: str) -> bytes:
    return f"keiki record {serial}".encode()
