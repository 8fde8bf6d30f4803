"""Keys that sign updates: RSA of 3072 bits in PEM files; a meter knows the modulus of the public one."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from keiki.wire.rsa_pss import SIZE

from keiki_host.update.errors import UpdateInputError

_EXPONENT = 65537
_BITS = 8 * SIZE


def generate(private: Path, public: Path) -> None:
    """Make a pair of keys. UpdateInputError: a file is there already, or cannot be written."""
    key = rsa.generate_private_key(_EXPONENT, _BITS)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shown = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for path, text, mode in ((private, secret, 0o600), (public, shown, 0o644)):
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(text)
        except OSError as error:
            raise UpdateInputError(f"key: {path}: {error.strerror}") from None


def load_private(path: Path) -> rsa.RSAPrivateKey:
    """Return the key in a PEM file. UpdateInputError: there is none, or one of another kind."""
    text = _read(path)
    try:
        key = serialization.load_pem_private_key(text, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UpdateInputError(f"key: {path}: not a private key in PEM without a password") from None
    if not isinstance(key, rsa.RSAPrivateKey) or not _fits(key.public_key()):
        raise UpdateInputError(f"key: {path}: not RSA of {_BITS} bits with exponent {_EXPONENT}")
    return key


def load_modulus(path: Path) -> bytes:
    """Return the modulus of the public key in a PEM file. UpdateInputError as load_private."""
    text = _read(path)
    try:
        key = serialization.load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise UpdateInputError(f"key: {path}: not a public key in PEM") from None
    if not isinstance(key, rsa.RSAPublicKey) or not _fits(key):
        raise UpdateInputError(f"key: {path}: not RSA of {_BITS} bits with exponent {_EXPONENT}")
    return modulus_of(key)


def modulus_of(key: rsa.RSAPublicKey) -> bytes:
    """Return the modulus, as a meter keeps it."""
    return key.public_numbers().n.to_bytes(SIZE, "big")


def _fits(key: rsa.RSAPublicKey) -> bool:
    return key.key_size == _BITS and key.public_numbers().e == _EXPONENT


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UpdateInputError(f"key: {path}: {error.strerror}") from None
