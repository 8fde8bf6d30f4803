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


LAYOUTS: "dict[int, str]" = {
    # tag << 8 | choice: fields in order, letters of FIELDS; in brackets what a list has for each entry
    GET << 8 | NORMAL: "ids",
    GET << 8 | GET_NEXT: "ib",
    GET << 8 | GET_LIST: "i[ds]",
    SET << 8 | NORMAL: "idsv",
    SET << 8 | SET_FIRST: "idsfbk",
    SET << 8 | SET_BLOCK: "ifbk",
    SET << 8 | SET_LIST_FIRST: "i[ds]fbk",
    SET << 8 | SET_LIST: "i[ds][v]",
    ACTION << 8 | NORMAL: "ido",
    ACTION << 8 | ACTION_NEXT: "ib",
    ACTION << 8 | ACTION_LIST: "i[d][v]",
    ACTION << 8 | ACTION_FIRST: "idfbk",
    ACTION << 8 | ACTION_LIST_FIRST: "i[d]fbk",
    ACTION << 8 | ACTION_BLOCK: "ifbk",
    GET_ANSWER << 8 | NORMAL: "ig",
    GET_ANSWER << 8 | GET_BLOCK: "ifbh",
    GET_ANSWER << 8 | GET_LIST: "i[g]",
    SET_ANSWER << 8 | NORMAL: "ii",
    SET_ANSWER << 8 | SET_FIRST: "ib",
    SET_ANSWER << 8 | SET_LAST: "iib",
    SET_ANSWER << 8 | SET_LIST_LAST: "i[i]b",
    SET_ANSWER << 8 | SET_LIST: "i[i]",
    ACTION_ANSWER << 8 | NORMAL: "iir",
    ACTION_ANSWER << 8 | ACTION_NEXT: "ifbk",
    ACTION_ANSWER << 8 | ACTION_LIST: "i[ir]",
    ACTION_ANSWER << 8 | ACTION_ANSWER_NEXT: "ib",
    # without a choice
    NOTIFICATION << 8: "bkv",
    NOTIFICATION_CONFIRM << 8: "bk",
    CONFIRMED_ERROR << 8: "iii",
    EXCEPTION << 8: "ie",
}

_WITHOUT_CHOICE = (NOTIFICATION, NOTIFICATION_CONFIRM, CONFIRMED_ERROR, EXCEPTION)


def decode(reader: Reader, lists: bool = True) -> "tuple[int, list]":
    """Return (key, fields) of the APDU that `reader` holds to its end; the key is that of LAYOUTS.

    A list of several letters is a list of tuples; without `lists` it is the range (start, end) that it lies
    in, count included, and `entries` reads it: a long one costs no memory then. Raises UnknownService for a
    tag and choice without layout, FrameError for whatever else is wrong; nothing may be left over.
    """
    key = reader.byte() << 8
    if key >> 8 not in _WITHOUT_CHOICE:
        key |= reader.byte()
    if key not in LAYOUTS:
        raise UnknownService("service")
    layout = LAYOUTS[key]
    fields = []
    at = 0
    while at < len(layout):
        if layout[at] == "[":
            end = layout.index("]", at)
            if lists:
                fields.append(read_list(reader, layout[at + 1 : end]))
            else:
                start = reader.at
                for _ in entries(reader, layout[at + 1 : end]):
                    pass
                fields.append((start, reader.at))
            at = end
        else:
            fields.append(FIELDS[layout[at]][0](reader))
        at += 1
    reader.finish()
    return key, fields


def entries(reader: Reader, letters: str):
    """Read a list entry by entry: its count, and the fields named by `letters` for each, one as it is."""
    for _ in range(read_count(reader)):
        yield read_entry(reader, letters) if len(letters) > 1 else FIELDS[letters][0](reader)


def read_entry(reader: Reader, letters: str) -> "tuple":
    """Read the fields named by `letters`."""
    return tuple([FIELDS[letter][0](reader) for letter in letters])


def read_count(reader: Reader) -> int:
    """Read how many entries a list has; FrameError if they are more than LIST_MAX."""
    count = reader.length()
    if count > LIST_MAX:
        raise FrameError("list")
    return count


def read_list(reader: Reader, letters: str) -> list:
    """Read a list, see `entries`."""
    return list(entries(reader, letters))


def encode(writer: Writer, key: int, *fields) -> None:
    """Write an APDU; its fields as `decode` gives them, but for data: bytes instead of ranges."""
    writer.byte(key >> 8)
    if key & 0xFF:
        writer.byte(key & 0xFF)
    layout = LAYOUTS[key]
    at = 0
    for value in fields:
        if layout[at] == "[":
            end = layout.index("]", at)
            _write_list(writer, layout[at + 1 : end], value)
            at = end
        else:
            FIELDS[layout[at]][1](writer, value)
        at += 1


def _write_list(writer: Writer, letters: str, entries) -> None:
    writer.length(len(entries))
    for entry in entries:
        for i, letter in enumerate(letters):
            FIELDS[letter][1](writer, entry if len(letters) == 1 else entry[i])
