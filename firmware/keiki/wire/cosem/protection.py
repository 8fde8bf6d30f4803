"""The protected forms of an APDU, built and taken apart where it lies.

Document: IEC 62056-5-3: glo-ciphering (a tag of its own for each service) and general-glo-ciphering (0xDB,
with the system title of the sender). An answer goes in the form of its request.
"""

from keiki.wire.compat import const
from keiki.wire.cosem.security import ENCRYPTED, TAG, TITLE, Cipher, SecurityError

GENERAL_GLO = const(0xDB)
HEAD = const(18)
"""Most bytes that protection puts before an APDU; behind it come 12."""

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


class Protected:
    """An APDU that has been opened: `start`..`end` of its text in the buffer.

    `general` is true for general-glo; `title` is that of the sender; `counter` its invocation counter.
    """

    __slots__ = ("counter", "end", "general", "start", "title")

    def __init__(self, general: bool, title: bytes, counter: int, start: int, end: int) -> None:
        self.general = general
        self.title = title
        self.counter = counter
        self.start = start
        self.end = end


def is_protected(tag: int) -> bool:
    """Tell whether an APDU that begins with `tag` is a protected one."""
    return tag == GENERAL_GLO or tag in _PLAIN


def unprotect(cipher: Cipher, buffer, start: int, end: int, title: bytes) -> Protected:
    """Open the APDU at `start`..`end`, which the owner of `title` must have sent, where it lies.

    SecurityError if it is not of that form, title or key; nothing is decrypted before the tag is found right.
    Whether the counter is one that may be used is for the caller to say, before anything is done.
    """
    tag = buffer[start] if start < end else -1
    at = start + 1
    if tag == GENERAL_GLO:
        if bytes(buffer[at : at + 1 + TITLE]) != bytes((TITLE,)) + title or at + 1 + TITLE > end:
            raise SecurityError("system title")
        at += 1 + TITLE
    elif tag not in _PLAIN:
        raise SecurityError("not protected")
    at, length = _length(buffer, at, end)
    if at + length != end or length < 5 + TAG:
        raise SecurityError("length")
    if buffer[at] != ENCRYPTED:
        raise SecurityError("security control")
    counter = int.from_bytes(buffer[at + 1 : at + 5], "big")
    opened = Protected(tag == GENERAL_GLO, title, counter, at + 5, 0)
    opened.end = cipher.open(buffer, at + 5, end, title, counter)
    if tag != GENERAL_GLO and (opened.start == opened.end or buffer[opened.start] != _PLAIN[tag]):
        raise SecurityError("another service inside")
    return opened


def protect(
    cipher: Cipher, general: bool, buffer, start: int, end: int, title: bytes, counter: int
) -> "tuple[int, int]":
    """Protect the APDU at `start`..`end` where it lies; returns the new range.

    There must be 18 bytes before it and 12 behind. `title` and `counter` are those of the sender. What has no
    form of its own under glo-ciphering goes as general-glo.
    """
    tag = _GLO.get(buffer[start], GENERAL_GLO) if not general else GENERAL_GLO
    end = cipher.seal(buffer, start, end, title, counter)
    start -= 5
    buffer[start] = ENCRYPTED
    buffer[start + 1 : start + 5] = counter.to_bytes(4, "big")
    length = end - start
    if length < 0x80:
        head = bytes((length,))
    elif length < 0x100:
        head = bytes((0x81, length))
    else:
        head = bytes((0x82, length >> 8, length & 0xFF))
    if tag == GENERAL_GLO:
        head = bytes((TITLE,)) + title + head
    start -= len(head)
    buffer[start : start + len(head)] = head
    start -= 1
    buffer[start] = tag
    return start, end


def _length(buffer, at: int, end: int) -> "tuple[int, int]":
    """Return (where the contents begin, their length); SecurityError if there is no length."""
    if at >= end:
        raise SecurityError("length")
    first = buffer[at]
    at += 1
    if first < 0x80:
        return at, first
    n = first & 0x7F
    if not 1 <= n <= 2 or at + n > end:
        raise SecurityError("length")
    return at + n, int.from_bytes(buffer[at : at + n], "big")
