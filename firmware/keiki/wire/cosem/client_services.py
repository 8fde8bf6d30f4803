"""GET, SET and ACTION of a client, in one APDU or in blocks.

Document: IEC 62056-5-3 9.3 (Green Book). Each is a generator: it yields an APDU without protection, is sent
the one that answers it, and returns its result. `data` is the buffer that an answer lies in.
"""

from keiki.wire.compat import const
from keiki.wire.cosem import apdu, values
from keiki.wire.cosem.axdr import FrameError, Full, Reader, Writer
from keiki.wire.cosem.results import AccessError

ANSWER_MAX = const(1 << 24)
"""Longest answer, in bytes, that is put together from blocks."""

_INVOKE = const(0xC1)  # confirmed, high priority, invoke id 1
_HEADS = const(64)  # what a block of a SET or ACTION has besides its data, protection included
_GET = apdu.GET << 8

_ANSWERS = {apdu.GET: apdu.GET_ANSWER, apdu.SET: apdu.SET_ANSWER, apdu.ACTION: apdu.ACTION_ANSWER}
_BLOCKS = {
    # service: choices of the first block and the others, of the answer to all but the last, of the final ones
    apdu.SET: (apdu.SET_FIRST, apdu.SET_BLOCK, apdu.SET_FIRST, (apdu.NORMAL, apdu.SET_LAST)),
    apdu.ACTION: (apdu.ACTION_FIRST, apdu.ACTION_BLOCK, apdu.ACTION_ANSWER_NEXT, (apdu.NORMAL,)),
}


class Refused(Exception):
    """The server does not do it: `reason` in words, `code` of the standard.

    `counter`: the invocation counter that the server expects, if it says so.
    """

    def __init__(self, reason: str, code: int, counter: "int | None" = None) -> None:
        super().__init__("%s %d" % (reason, code))
        self.reason = reason
        self.code = code
        self.counter = counter


def ask(key: int, *fields):
    """Send a request and return (choice, data, fields) of its answer; Refused if that is an exception."""
    # a value that goes in one APDU is shorter than the server's longest: 64 KiB at most
    size = 128
    while True:
        try:
            writer = Writer(bytearray(size))
            apdu.encode(writer, key, *fields)
            break
        except Full:
            size *= 4
    data = yield memoryview(writer.buffer)[: writer.at]
    found, answered = apdu.decode(Reader(data))
    if found == apdu.EXCEPTION << 8:
        error, counter = answered[1]
        raise Refused("exception", error, counter)
    if found >> 8 != _ANSWERS[key >> 8]:
        raise FrameError("another answer")
    return found & 0xFF, data, answered


def get(descriptor: "tuple[int, bytes, int]", selection: "bytes | None" = None):
    """Read one attribute and return (data, start, end) of its value."""
    choice, data, fields = yield from ask(_GET | apdu.NORMAL, _INVOKE, descriptor, selection)
    if choice != apdu.NORMAL:
        whole = yield from _rest(choice, data, fields)
        return whole, 0, len(whole)
    if isinstance(fields[1], int):
        raise AccessError(fields[1])
    return data, fields[1][0], fields[1][1]


def get_list(wanted: "list[tuple[tuple[int, bytes, int], bytes | None]]"):
    """Read several attributes; return (data, found): for each a range, or the result code instead."""
    choice, data, fields = yield from ask(_GET | apdu.GET_LIST, _INVOKE, wanted)
    if choice == apdu.GET_LIST:
        found = fields[1]
    else:
        data = yield from _rest(choice, data, fields)
        reader = Reader(data)
        found = apdu.read_list(reader, "g")
        reader.finish()
    if len(found) != len(wanted):
        raise FrameError("count")
    return data, found


def _rest(choice: int, data, fields: list):
    """Fetch the rest of an answer whose first block has come, and return all of it."""
    whole = bytearray()
    number = 1
    while choice == apdu.GET_BLOCK:
        _, last, block, found = fields
        if isinstance(found, int):
            raise AccessError(found)
        if block != number or len(whole) + found[1] - found[0] > ANSWER_MAX:
            raise FrameError("block")
        whole.extend(memoryview(data)[found[0] : found[1]])
        if last:
            return whole
        choice, data, fields = yield from ask(_GET | apdu.GET_NEXT, _INVOKE, number)
        number += 1
    if choice == apdu.NORMAL and isinstance(fields[1], int):
        raise AccessError(fields[1])
    raise FrameError("no block")


def _rest_of_action(data, fields: list):
    """Fetch the rest of what an action answers in blocks, the first of which has come; return all of it."""
    whole = bytearray()
    number = 1
    while True:
        _, last, block, found = fields
        if block != number or len(whole) + found[1] - found[0] > ANSWER_MAX:
            raise FrameError("block")
        whole.extend(memoryview(data)[found[0] : found[1]])
        if last:
            return whole
        choice, data, fields = yield from ask(apdu.ACTION << 8 | apdu.ACTION_NEXT, _INVOKE, number)
        if choice != apdu.ACTION_NEXT:
            raise FrameError("no block")
        number += 1


def give(service: int, what: tuple, value: "bytes | None", room: int):
    """Send a value to an attribute (SET) or method (ACTION); `room` is the longest APDU the server takes.

    `what`: the descriptor, for SET also the selection. Returns (data, fields) of the final answer.
    """
    room -= _HEADS
    if value is None or len(value) <= room:
        choice, data, fields = yield from ask(service << 8 | apdu.NORMAL, _INVOKE, *(what + (value,)))
        final = choice == apdu.NORMAL
    else:
        first, then, taken, finals = _BLOCKS[service]
        number = 1
        block = (False, number, value[:room])
        choice, data, fields = yield from ask(service << 8 | first, _INVOKE, *(what + block))
        while choice == taken and number * room < len(value):
            if fields[1] != number:
                raise FrameError("block")
            part = value[number * room : (number + 1) * room]
            number += 1
            block = (number * room >= len(value), number, part)
            choice, data, fields = yield from ask(service << 8 | then, _INVOKE, *block)
        final = choice in finals
    if service == apdu.ACTION and choice == apdu.ACTION_NEXT:
        data = yield from _rest_of_action(data, fields)
        reader = Reader(data)
        fields = fields[:1] + list(apdu.read_entry(reader, "ir"))
        reader.finish()
    elif not final:
        raise FrameError("another answer")
    if fields[1]:
        raise AccessError(fields[1])
    return data, fields


def value_of(data, start: int, end: int):
    """Return the value that lies in a range, see values.py."""
    reader = Reader(data, start, end)
    value = values.read(reader)
    reader.finish()
    return value
