"""AES key wrap: how a new key travels under the master key.

Document: RFC 3394 (NIST SP 800-38F, KW); IEC 62056-6-2, class 64, method key_transfer.
"""

from keiki.wire.compat import aes_ecb
from keiki.wire.cosem.security import SecurityError, same

_INITIAL = b"\xa6" * 8


def wrap(kek: bytes, key: bytes) -> bytes:
    """Return `key` (16, 24 .. bytes) wrapped under `kek` (16 bytes): 8 bytes longer."""
    cipher = aes_ecb(kek)
    data = bytearray(_INITIAL) + key
    block = bytearray(16)
    n = len(key) // 8
    for step in range(6 * n):
        at = 8 * (step % n + 1)
        block[:8] = data[:8]
        block[8:] = data[at : at + 8]
        cipher.encrypt(block, block)
        _count(block, step + 1)
        data[:8] = block[:8]
        data[at : at + 8] = block[8:]
    return bytes(data)


def unwrap(kek: bytes, wrapped: bytes) -> bytes:
    """Return the key in `wrapped`; SecurityError if it was not wrapped under `kek`, or was changed."""
    if len(wrapped) % 8 or not 24 <= len(wrapped) <= 40:
        raise SecurityError("wrapped key: length")
    cipher = aes_ecb(kek)
    data = bytearray(wrapped)
    block = bytearray(16)
    n = len(wrapped) // 8 - 1
    for step in range(6 * n - 1, -1, -1):
        at = 8 * (step % n + 1)
        block[:8] = data[:8]
        _count(block, step + 1)
        block[8:] = data[at : at + 8]
        cipher.decrypt(block, block)
        data[:8] = block[:8]
        data[at : at + 8] = block[8:]
    if not same(bytes(data[:8]), _INITIAL):
        raise SecurityError("wrapped key: not under this master key")
    return bytes(data[8:])


def _count(block: bytearray, step: int) -> None:
    """Combine the number of the step with the check value; it is small, so two bytes will do."""
    block[6] ^= step >> 8
    block[7] ^= step & 0xFF
