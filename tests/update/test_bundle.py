"""Bundles and keys on the host: what is made is what meters check, and bad files are one clear line."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from keiki.wire import rsa_pss
from keiki_host.update import bundle, keys
from keiki_host.update.bundle import Identity
from keiki_host.update.errors import UpdateInputError

FILES = {"main.mpy": b"main", "keiki/meter/app.mpy": b"app" * 500, "keiki/__init__.mpy": b""}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


def signed(text: bytes, signature: bytes, modulus: bytes) -> bool:
    steps: Any = rsa_pss.verify(modulus, signature, hashlib.sha256(text).digest())
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return bool(done.value)


def test_what_is_made_is_read_again_and_its_signature_holds(key: rsa.RSAPrivateKey) -> None:
    data = bundle.make(Identity("unix", "0.2.0", needs_keiki="0.1.0"), FILES, key)
    found = bundle.read(data)
    assert found.said["board"] == "unix" and found.said["needs keiki"] == "0.1.0"
    assert found.files == {path: len(text) for path, text in FILES.items()}
    size = len(data) - sum(found.files.values()) - rsa_pss.SIZE
    signature = data[size : size + rsa_pss.SIZE]
    assert signed(data[:size], signature, keys.modulus_of(key.public_key()))
    assert not signed(data[: size - 1], signature, keys.modulus_of(key.public_key()))
    assert data[size + rsa_pss.SIZE :] == b"".join(FILES.values())


def test_every_truncation_and_every_addition_is_refused(key: rsa.RSAPrivateKey) -> None:
    data = bundle.make(Identity("unix", "0.2.0"), FILES, key)
    for bad in [data[:at] for at in range(len(data))] + [data + b"x"]:
        with pytest.raises(UpdateInputError, match="bundle: "):
            bundle.read(bad)


@pytest.mark.parametrize("path", ["../select", "/boot.py", "a b"])
def test_a_file_outside_its_folder_is_not_bundled(path: str, key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(UpdateInputError, match="path"):
        bundle.make(Identity("unix", "0.2.0"), {path: b""}, key)


def test_a_version_that_is_none_is_not_bundled(key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(UpdateInputError, match=r"X\.Y\.Z"):
        bundle.make(Identity("unix", "v2"), FILES, key)


def test_keys_are_made_once_and_the_private_one_is_private(tmp_path: Path) -> None:
    private, public = tmp_path / "key.pem", tmp_path / "key.pub"
    keys.generate(private, public)
    assert private.stat().st_mode & 0o777 == 0o600
    made = keys.load_private(private)
    assert keys.load_modulus(public) == keys.modulus_of(made.public_key())
    with pytest.raises(UpdateInputError, match="File exists"):
        keys.generate(private, public)
    with pytest.raises(UpdateInputError, match="not a public key"):
        keys.load_modulus(private)
    with pytest.raises(UpdateInputError, match="not a private key"):
        keys.load_private(public)
    with pytest.raises(UpdateInputError, match="No such file"):
        keys.load_private(tmp_path / "none")
