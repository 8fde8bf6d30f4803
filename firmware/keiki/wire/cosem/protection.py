"""The protected forms of an APDU, built and taken apart where it lies.

Document: IEC 62056-5-3: glo-ciphering (a tag of its own for each service) and general-glo-ciphering (0xDB,
with the system title of the sender). An answer goes in the form of its request.
"""

import struct

from keiki.wire.compat import const
from keiki.wire.cosem.security import ENCRYPTED, TITLE, Cipher, SecurityError

GENERAL_GLO = const(0xDB)
HEAD = const(18)
"""Most bytes that protection puts before an APDU; behind it come 12."""

_OVERHEAD = const(17)  # control byte, counter, tag
_FORMAT = const(">BI")

# APDU -> the same under glo-ciphering
_GLO = {
    0x01: 0x21,  # initiate-request
    0x08: 0x28,  # initiate-response
    0xC0: 0xC8,  # get-request
    0xC1: 0xC9,  # set-request
    0xC2: 0xCA,  # event-notification
    0xC3: 0xCB,  # action-request
    0xC4: 0xCC,  # get-response
    0xC5: 0xCD,  # set-response
    0xC7: 0xCF,  # action-response
}
_PLAIN = {}
for _plain, _tag in _GLO.items():
    _PLAIN[_tag] = _plain


def is_protected(tag: int) -> bool:
    """Tell whether an APDU that begins with `tag` is a protected one."""
    return tag == GENERAL_GLO or tag in _PLAIN


def unprotect(cipher: Cipher, buffer, start: int, end: int, title: bytes) -> "tuple[bool, int, int, int]":
    """Open the APDU at `start`..`end`, which the owner of `title` must have sent, where it lies.

    Returns (whether it is general-glo, invocation counter, start and end of its text). SecurityError if it is
    not of that form, title or key; nothing is decrypted before the tag is found right. Whether the counter is
    one that may be used is for the caller to say, before anything is done.
    """
    tag = buffer[start] if start < end else -1
    at = start + 1
    general = tag == GENERAL_GLO
    if general:
        if at + 1 + TITLE > end or buffer[at] != TITLE:
            raise SecurityError("system title")
        for i in range(TITLE):
            if buffer[at + 1 + i] != title[i]:
                raise SecurityError("system title")
        at += 1 + TITLE
    elif tag not in _PLAIN:
        raise SecurityError("not protected")
    size = buffer[at] if at < end else 0
    at += 1
    if size & 0x80:
        more = size & 0x7F
        if not 1 <= more <= 2 or at + more > end:
            raise SecurityError("length")
        size = 0
        for _ in range(more):
            size = size << 8 | buffer[at]
            at += 1
    if at + size != end or size < _OVERHEAD:
        raise SecurityError("length")
    control, counter = struct.unpack_from(_FORMAT, buffer, at)
    if control != ENCRYPTED:
        raise SecurityError("security control")
    at += 5
    end = cipher.open(buffer, at, end, title, counter)
    if not general and (at == end or buffer[at] != _PLAIN[tag]):
        raise SecurityError("another service inside")
    return general, counter, at, end


def protect(
    cipher: Cipher, general: bool, buffer, start: int, end: int, title: bytes, counter: int
) -> "tuple[int, int]":
    """Protect the APDU at `start`..`end` where it lies; returns the new range.

    There must be 18 bytes before it and 12 behind. `title` and `counter` are those of the sender. What has no
    form of its own under glo-ciphering goes as general-glo.
    """
    tag = GENERAL_GLO if general else _GLO.get(buffer[start], GENERAL_GLO)
    end = cipher.seal(buffer, start, end, title, counter)
    start -= 5
    struct.pack_into(_FORMAT, buffer, start, ENCRYPTED, counter)
    size = end - start
    start -= 1
    buffer[start] = size & 0xFF
    if size > 0xFF:
        start -= 2
        buffer[start + 1] = size >> 8
        buffer[start] = 0x82
    elif size > 0x7F:
        start -= 1
        buffer[start] = 0x81
    if tag == GENERAL_GLO:
        start -= TITLE
        buffer[start : start + TITLE] = title
        start -= 1
        buffer[start] = TITLE
    start -= 1
    buffer[start] = tag
    return start, end
