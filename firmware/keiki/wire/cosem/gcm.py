"""AES-128-GCM with a tag of 12 bytes, in place, over an AES that knows single blocks only.

Document: NIST SP 800-38D, with a nonce of 12 bytes; IEC 62056-5-3, security suite 0. MicroPython's
cryptolib has ECB and no GCM. On a host keiki.wire.cosem.gcm_host does the same over `cryptography`;
keiki.wire.compat says which of them `Gcm` is.
"""

# ghash_viper and ghash_plain have tables of their own kinds
# pyright: reportArgumentType=false

import struct
from array import array

from keiki.wire.compat import aes_ecb, const, ghash

TAG = const(12)
_BLOCKS = const(16)  # of key stream that are made at once


class Scratch:
    """Buffers of one operation; all keys share them, as no operation waits in the middle."""

    def __init__(self) -> None:
        stream = memoryview(bytearray(16 * _BLOCKS))
        self.streams = [(n, stream[: 16 * n]) for n in (1, 2, 4, 8, _BLOCKS)]
        self.y = array("I", bytes(16))
        self.mac = bytearray(16)
        self.tag = memoryview(self.mac)[:TAG]
        self.lengths = bytearray(16)
        self.zeros = array("I", bytes(16))


_scratch = Scratch()


def multiples_of(h: int) -> "list[int]":
    """Return the products of H (an integer of 128 bits, first bit = x^0) with all of four bits."""
    found = [0] * 16
    found[8] = h
    for i in (4, 2, 1):
        h = (h >> 1) ^ (0xE1 << 120 if h & 1 else 0)
        found[i] = h
    for i in (2, 4, 8):
        for j in range(1, i):
            found[i + j] = found[i] ^ found[j]
    return found


class Gcm:
    """One key. `hashing` is a module of GHASH (ghash_viper, ghash_plain); None: the best of this port."""

    def __init__(self, key: bytes, hashing=None) -> None:
        self._aes = aes_ecb(key)
        self._hashing = hashing = hashing or ghash()
        h = bytearray(16)
        self._aes.encrypt(h, h)
        self._table = hashing.table(multiples_of(int.from_bytes(h, "big")))
        self._aad = None
        self._after_aad = array("I", bytes(16))

    def seal(self, buffer, start: int, end: int, nonce: bytes, aad: bytes) -> int:
        """Encrypt `buffer[start:end]` where it is and put the tag behind it; returns where the tag ends."""
        self._crypt(buffer, start, end, nonce)
        self._tag(buffer, start, end, nonce, aad)
        buffer[end : end + TAG] = _scratch.tag
        return end + TAG

    def open(self, buffer, start: int, end: int, nonce: bytes, aad: bytes) -> int:
        """Check `buffer[start:end]`, tag included, and decrypt it where it is; returns where the text ends.

        -1 if the tag is wrong: then nothing has been changed.
        """
        end -= TAG
        if end < start:
            return -1
        mac = self._tag(buffer, start, end, nonce, aad)
        different = 0
        for i in range(TAG):  # all of them, so that time does not tell how many are right
            different |= mac[i] ^ buffer[end + i]
        if different:
            return -1
        self._crypt(buffer, start, end, nonce)
        return end

    def mac(self, nonce: bytes, aad: bytes) -> bytes:
        """Return the tag over `aad` alone (GMAC)."""
        self._tag(b"", 0, 0, nonce, aad)
        return bytes(_scratch.tag)

    def _crypt(self, buffer, start: int, end: int, nonce: bytes) -> None:
        hashing, streams, encrypt = self._hashing, _scratch.streams, self._aes.encrypt
        counter = 2
        while start < end:
            n = min(end - start, 16 * _BLOCKS)
            blocks, stream = streams[-1]
            for shorter in streams:
                if 16 * shorter[0] >= n:
                    blocks, stream = shorter
                    break
            hashing.counters(stream, nonce, counter, blocks)
            encrypt(stream, stream)
            hashing.xor(buffer, start, stream, n)
            counter += blocks
            start += n

    def _tag(self, buffer, start: int, end: int, nonce: bytes, aad: bytes) -> bytearray:
        """Return all 16 bytes of the tag over `aad` and the ciphertext; the next call takes the buffer."""
        hashing, scratch, table = self._hashing, _scratch, self._table
        y = scratch.y
        if aad is not self._aad:  # nearly always the same: control byte and authentication key
            self._after_aad[:] = scratch.zeros
            hashing.update(self._after_aad, table, aad, 0, len(aad))
            self._aad = aad
        y[:] = self._after_aad
        hashing.update(y, table, buffer, start, end)
        lengths = scratch.lengths
        struct.pack_into(">I", lengths, 4, 8 * len(aad))
        struct.pack_into(">I", lengths, 12, 8 * (end - start))
        hashing.update(y, table, lengths, 0, 16)
        mac = scratch.mac
        hashing.counters(mac, nonce, 1, 1)
        self._aes.encrypt(mac, mac)
        hashing.xor_words(mac, y)
        return mac
