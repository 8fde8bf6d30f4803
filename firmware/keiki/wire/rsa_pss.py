"""Checks RSA signatures of 3072 bits, exponent 65537, RSASSA-PSS with SHA-256 and a salt of 32 bytes.

Document: RFC 8017, 8.1.2 and 9.1.2. The exponent is so small that MicroPython's own integers do nearly all of
it: 17 multiplications, where a curve needs thousands in bytecode.
"""

import hashlib

from keiki.wire.compat import const

SIZE = const(384)
"""Bytes of a modulus and of a signature."""

_HASH = const(32)
_SALT = const(32)
_SQUARINGS = const(16)


def verify(modulus: bytes, signature: bytes, digest: bytes):
    """Yield after each multiplication; return True if the signature is that of a text with this SHA-256.

    A generator, so that a meter goes on measuring: `good = yield from verify(...)`.
    """
    n, base = int.from_bytes(modulus, "big"), int.from_bytes(signature, "big")
    if len(modulus) != SIZE or len(signature) != SIZE or not modulus[0] & 0x80 or base >= n:
        return False
    power = base
    for _ in range(_SQUARINGS):
        power = power * power % n
        yield
    return _is_encoded((power * base % n).to_bytes(SIZE, "big"), digest)


def _is_encoded(message: bytes, digest: bytes) -> bool:
    """EMSA-PSS-VERIFY for 3071 bits."""
    start = SIZE - _HASH - 1
    hashed = message[start:-1]
    if message[-1] != 0xBC or message[0] & 0x80:
        return False
    block = bytearray(message[:start])
    at = 0
    while at < start:
        mask = hashlib.sha256(hashed + (at // _HASH).to_bytes(4, "big")).digest()
        for byte in mask[: start - at]:
            block[at] ^= byte
            at += 1
    block[0] &= 0x7F
    zeros = start - _SALT - 1
    if any(block[:zeros]) or block[zeros] != 1:
        return False
    return hashlib.sha256(bytes(8) + digest + bytes(block[zeros + 1 :])).digest() == hashed
