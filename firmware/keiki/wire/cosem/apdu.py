"""xDLMS APDUs without protection: bytes to fields and back, by one table of layouts.

Document: IEC 62056-5-3 clause 8 (Green Book 9.3, 9.5). `decode` takes no value out of the buffer: data is a
range (start, end) in it.
"""

from keiki.wire.compat import const
from keiki.wire.cosem.apdu_fields import FIELDS
from keiki.wire.cosem.axdr import FrameError, Reader, Writer

INITIATE_REQUEST = const(0x01)
INITIATE_RESPONSE = const(0x08)
CONFIRMED_ERROR = const(0x0E)
NOTIFICATION = const(0x0F)
NOTIFICATION_CONFIRM = const(0x10)
AARQ = const(0x60)
AARE = const(0x61)
RLRQ = const(0x62)
RLRE = const(0x63)
GET = const(0xC0)
SET = const(0xC1)
ACTION = const(0xC3)
GET_ANSWER = const(0xC4)
SET_ANSWER = const(0xC5)
ACTION_ANSWER = const(0xC7)
EXCEPTION = const(0xD8)

# choices of the three services, request and answer
NORMAL = const(1)
GET_NEXT = const(2)
GET_LIST = const(3)
GET_BLOCK = const(2)
SET_FIRST = const(2)
SET_BLOCK = const(3)
SET_LIST_FIRST = const(4)
SET_LIST = const(5)
SET_LAST = const(3)
SET_LIST_LAST = const(4)
ACTION_NEXT = const(2)
ACTION_LIST = const(3)
ACTION_FIRST = const(4)
ACTION_LIST_FIRST = const(5)
ACTION_BLOCK = const(6)
ACTION_ANSWER_NEXT = const(4)

# exception-response: state error, service error
NOT_ALLOWED = (1, 1)
NOT_SUPPORTED = (2, 2)
MALFORMED = (2, 3)
TOO_LONG = (1, 4)
NOT_DECIPHERED = (1, 5)
COUNTER_WRONG = const(6)

LIST_MAX = const(64)
"""Most entries of one with-list request."""


class UnknownService(FrameError):
    """An APDU whose tag and choice are not in LAYOUTS."""


LAYOUTS: "dict[int, tuple[str, ...]]" = {
    # tag << 8 | choice: fields in order, letters of FIELDS; after "[" comes a list of these
    GET << 8 | NORMAL: ("i", "d", "s"),
    GET << 8 | GET_NEXT: ("i", "b"),
    GET << 8 | GET_LIST: ("i", "[ds"),
    SET << 8 | NORMAL: ("i", "d", "s", "v"),
    SET << 8 | SET_FIRST: ("i", "d", "s", "f", "b", "k"),
    SET << 8 | SET_BLOCK: ("i", "f", "b", "k"),
    SET << 8 | SET_LIST_FIRST: ("i", "[ds", "f", "b", "k"),
    SET << 8 | SET_LIST: ("i", "[ds", "[v"),
    ACTION << 8 | NORMAL: ("i", "d", "o"),
    ACTION << 8 | ACTION_NEXT: ("i", "b"),
    ACTION << 8 | ACTION_LIST: ("i", "[d", "[v"),
    ACTION << 8 | ACTION_FIRST: ("i", "d", "f", "b", "k"),
    ACTION << 8 | ACTION_LIST_FIRST: ("i", "[d", "f", "b", "k"),
    ACTION << 8 | ACTION_BLOCK: ("i", "f", "b", "k"),
    GET_ANSWER << 8 | NORMAL: ("i", "g"),
    GET_ANSWER << 8 | GET_BLOCK: ("i", "f", "b", "h"),
    GET_ANSWER << 8 | GET_LIST: ("i", "[g"),
    SET_ANSWER << 8 | NORMAL: ("i", "i"),
    SET_ANSWER << 8 | SET_FIRST: ("i", "b"),
    SET_ANSWER << 8 | SET_LAST: ("i", "i", "b"),
    SET_ANSWER << 8 | SET_LIST_LAST: ("i", "[i", "b"),
    SET_ANSWER << 8 | SET_LIST: ("i", "[i"),
    ACTION_ANSWER << 8 | NORMAL: ("i", "i", "r"),
    ACTION_ANSWER << 8 | ACTION_NEXT: ("i", "f", "b", "k"),
    ACTION_ANSWER << 8 | ACTION_LIST: ("i", "[ir"),
    ACTION_ANSWER << 8 | ACTION_ANSWER_NEXT: ("i", "b"),
    # without a choice
    NOTIFICATION << 8: ("b", "k", "v"),
    NOTIFICATION_CONFIRM << 8: ("b", "k"),
    CONFIRMED_ERROR << 8: ("i", "i", "i"),
    EXCEPTION << 8: ("i", "e"),
}

_WITHOUT_CHOICE = (NOTIFICATION, NOTIFICATION_CONFIRM, CONFIRMED_ERROR, EXCEPTION)


def decode(reader: Reader) -> "tuple[int, list]":
    """Return (key, fields) of the APDU that `reader` holds to its end; the key is that of LAYOUTS.

    A field that is a list of several letters is a list of tuples. Raises UnknownService for a tag and choice
    without layout, FrameError for whatever else is wrong; nothing may be left over.
    """
    key = reader.byte() << 8
    if key >> 8 not in _WITHOUT_CHOICE:
        key |= reader.byte()
    if key not in LAYOUTS:
        raise UnknownService("service")
    fields = [read_field(reader, letters) for letters in LAYOUTS[key]]
    reader.finish()
    return key, fields


def read_field(reader: Reader, letters: str):
    """Read one field of a layout."""
    if letters[0] != "[":
        return FIELDS[letters][0](reader)
    count = reader.length()
    if count > LIST_MAX:
        raise FrameError("list")
    if len(letters) == 2:
        read = FIELDS[letters[1]][0]
        return [read(reader) for _ in range(count)]
    return [tuple([FIELDS[letter][0](reader) for letter in letters[1:]]) for _ in range(count)]


def encode(writer: Writer, key: int, *fields) -> None:
    """Write an APDU; its fields as `decode` gives them, but for data: bytes instead of ranges."""
    writer.byte(key >> 8)
    if key & 0xFF:
        writer.byte(key & 0xFF)
    for letters, value in zip(LAYOUTS[key], fields):
        if letters[0] != "[":
            FIELDS[letters][1](writer, value)
            continue
        writer.length(len(value))
        for entry in value:
            parts = (entry,) if len(letters) == 2 else entry
            for letter, part in zip(letters[1:], parts):
                FIELDS[letter][1](writer, part)
