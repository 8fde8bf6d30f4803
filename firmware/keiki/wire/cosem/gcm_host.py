"""AES-128-GCM on a host: what keiki.wire.cosem.gcm does, over `cryptography`."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TAG = 12


class Ecb:
    """AES over single blocks, called as cryptolib's."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())

    def encrypt(self, data, into) -> None:
        """Encrypt whole blocks of `data` into `into`, which may be the same."""
        into[:] = self._cipher.encryptor().update(bytes(data))

    def decrypt(self, data, into) -> None:
        """Decrypt whole blocks of `data` into `into`, which may be the same."""
        into[:] = self._cipher.decryptor().update(bytes(data))


class Gcm:
    """One key; the same methods as keiki.wire.cosem.gcm.Gcm."""

    def __init__(self, key: bytes) -> None:
        self._algorithm = algorithms.AES(key)
        self._aead = AESGCM(key)

    def seal(self, buffer, start: int, end: int, nonce: bytes, aad: bytes) -> int:
        """Encrypt `buffer[start:end]` where it is and put the tag behind it; returns where the tag ends."""
        sealed = self._aead.encrypt(bytes(nonce), bytes(buffer[start:end]), aad)
        buffer[start : end + TAG] = sealed[: end - start + TAG]
        return end + TAG

    def open(self, buffer, start: int, end: int, nonce: bytes, aad: bytes) -> int:
        """Check `buffer[start:end]`, tag included, and decrypt it where it is; returns where the text ends.

        -1 if the tag is wrong: then nothing has been changed.
        """
        end -= TAG
        if end < start:
            return -1
        mode = modes.GCM(bytes(nonce), bytes(buffer[end : end + TAG]), TAG)
        decryptor = Cipher(self._algorithm, mode).decryptor()
        decryptor.authenticate_additional_data(aad)
        try:
            plain = decryptor.update(bytes(buffer[start:end])) + decryptor.finalize()
        except InvalidTag:
            return -1
        buffer[start:end] = plain
        return end

    def mac(self, nonce: bytes, aad: bytes) -> bytes:
        """Return the tag over `aad` alone (GMAC)."""
        return self._aead.encrypt(bytes(nonce), b"", aad)[:TAG]
