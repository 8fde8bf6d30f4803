"""Bundles as files: made of an application and signed, and read again. Format: wire/update_manifest.py."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from keiki.wire import rsa_pss, update_manifest
from keiki.wire.update_manifest import BundleError

from keiki_host.update.errors import UpdateInputError

_check_path: Any = update_manifest.check_path
_parse_line: Any = update_manifest.parse_line
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)


@dataclass(frozen=True)
class Identity:
    """What an update is for."""

    board: str
    version: str
    needs_keiki: str = "0.0.0"
    """The oldest release that it may replace."""
    needs_micropython: str = "1.24.0"
    older: bool = False
    """It may replace a newer one."""


@dataclass(frozen=True)
class Bundle:
    """A bundle that has been read: `data` is all of it, `id` the SHA-256 of its manifest."""

    data: bytes
    id: bytes
    said: Mapping[str, str]
    files: Mapping[str, int] = field(repr=False)


def manifest(identity: Identity, files: Mapping[str, bytes]) -> bytes:
    """Return the manifest of these files (path -> contents). UpdateInputError: one cannot be in a bundle."""
    rows = [
        f"board {identity.board}",
        f"version {identity.version}",
        f"needs keiki {identity.needs_keiki}",
        f"needs micropython {identity.needs_micropython}",
        *(["older allowed"] if identity.older else []),
    ]
    try:
        for version in (identity.version, identity.needs_keiki, identity.needs_micropython):
            update_manifest.parse_version(version)
        for path, data in files.items():
            _check_path(path)
            rows.append(f"file {len(data)} {hashlib.sha256(data).hexdigest()} {path}")
        for row in rows:
            _parse_line(f"{row}\n".encode())
        body = "".join(f"{row}\n" for row in rows).encode()
        head = update_manifest.first_line(update_manifest.FIRST + len(body))
        update_manifest.head_size(head)
    except BundleError as error:
        raise UpdateInputError(f"bundle: {error}") from None
    return bytes(head + body)


def make(identity: Identity, files: Mapping[str, bytes], key: RSAPrivateKey) -> bytes:
    """Return a signed bundle. UpdateInputError: see manifest; or it is longer than meters take."""
    text = manifest(identity, files)
    whole = text + key.sign(text, _PSS, hashes.SHA256()) + b"".join(files.values())
    if len(whole) > update_manifest.BUNDLE_MAX:
        raise UpdateInputError(f"bundle: {len(whole)} bytes; {update_manifest.BUNDLE_MAX} at most")
    return whole


def read(data: bytes) -> Bundle:
    """Return what a bundle says. UpdateInputError: it is none, or not whole; the signature is the meter's."""
    try:
        size = update_manifest.head_size(data[: update_manifest.FIRST]) - rsa_pss.SIZE
        said, files = {}, {}
        for line in data[update_manifest.FIRST : size].splitlines(keepends=True):
            row = _parse_line(line)
            if row[0] == "file":
                files[row[3]] = row[1]
            else:
                said[row[0]] = row[1]
    except BundleError as error:
        raise UpdateInputError(f"bundle: {error}") from None
    if len(data) != size + rsa_pss.SIZE + sum(files.values()):
        raise UpdateInputError("bundle: not as long as it says: it was cut, or something was added")
    return Bundle(data, hashlib.sha256(data[:size]).digest(), said, files)
