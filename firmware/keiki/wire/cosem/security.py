"""Security suite 0 of one peer: authenticated encryption, and the proof of HLS5, under its two global keys.

Document: IEC 62056-5-3 (Green Book), security suite 0: AES-128-GCM with a tag of 12 bytes; the nonce is the
system title of the sender and its invocation counter, so no counter may ever be used twice under one key.
"""

import struct

from keiki.wire.compat import const, gcm

TAG = const(12)
TITLE = const(8)
ENCRYPTED = const(0x30)  # security control byte: authenticated and encrypted, global unicast key, suite 0
AUTHENTICATED = const(0x10)  # authenticated only: what HLS5 makes of a challenge
CHALLENGE_MIN = const(8)
CHALLENGE_MAX = const(64)


COUNTER = "counter"
PROOF = "proof"
CHALLENGE = "challenge"
REASONS = (
    "", "tag", "system title", "not protected", "length", "security control", "another service inside",
    COUNTER, PROOF, CHALLENGE,
)  # fmt: skip
"""Why a server takes an APDU for a failed authentication; an event says it by number, which is for ever."""


class SecurityError(Exception):
    """An APDU that is not protected as it must be; the text says why, and holds nothing secret."""


def same(one: bytes, other: bytes) -> bool:
    """Tell whether two strings are the same, in a time that does not depend on where they differ."""
    different = len(one) ^ len(other)
    for a, b in zip(one, other):
        different |= a ^ b
    return not different


def acceptable(challenge: bytes, own: bytes = b"") -> bool:
    """Tell whether a peer's challenge will do: long enough, and not our own one sent back to us."""
    return CHALLENGE_MIN <= len(challenge) <= CHALLENGE_MAX and not same(challenge, own)


class Cipher:
    """The keys of one peer: `ek` encrypts, `ak` authenticates, 16 bytes each. ValueError: another length."""

    def __init__(self, ek: bytes, ak: bytes) -> None:
        self.rekey(ek, ak)

    def rekey(self, ek: bytes, ak: bytes) -> None:
        """Take other keys."""
        if len(ek) != 16 or len(ak) != 16:
            raise ValueError("a key of suite 0 has 16 bytes")
        self._gcm = gcm()(bytes(ek))
        self._aad = bytes((ENCRYPTED,)) + ak
        self._proof = bytes((AUTHENTICATED,)) + ak

    def __repr__(self) -> str:
        return "Cipher(...)"

    def seal(self, buffer, start: int, end: int, title: bytes, counter: int) -> int:
        """Encrypt `buffer[start:end]` where it is, the tag behind it; returns the new end.

        `title` (8 bytes) and `counter` (u32) are those of the sender. The buffer has room for 12 bytes more.
        """
        return self._gcm.seal(buffer, start, end, _nonce(title, counter), self._aad)

    def open(self, buffer, start: int, end: int, title: bytes, counter: int) -> int:
        """Check and decrypt `buffer[start:end]` where it is, tag included; returns the end of the text.

        SecurityError if the tag is wrong; the buffer is as it was then.
        """
        end = self._gcm.open(buffer, start, end, _nonce(title, counter), self._aad)
        if end < 0:
            raise SecurityError("tag")
        return end

    def proof(self, title: bytes, counter: int, challenge: bytes) -> bytes:
        """Return the proof of HLS5 that `title` makes of a challenge: control, counter, GMAC (17 bytes)."""
        mac = self._gcm.mac(_nonce(title, counter), self._proof + challenge)
        return bytes((AUTHENTICATED,)) + counter.to_bytes(4, "big") + mac

    def proves(self, proof: bytes, title: bytes, challenge: bytes) -> bool:
        """Tell whether `proof` was made of `challenge` by who has these keys and `title`."""
        if len(proof) != 5 + TAG or proof[0] != AUTHENTICATED:
            return False
        return same(proof, self.proof(title, counter_of(proof), challenge))


def counter_of(proof: bytes) -> int:
    """Return the invocation counter of a proof of HLS5."""
    return int.from_bytes(proof[1:5], "big")


def _nonce(title: bytes, counter: int) -> bytes:
    return struct.pack(">8sI", title, counter)
