"""GET: who may read what, in one APDU or in blocks.

Document: IEC 62056-5-3 9.3 (Green Book). Each service takes an association, the buffer of the request and the
fields of apdu.LAYOUTS, writes its answer into the association's writer, and returns where the answer begins.
"""

from keiki.wire.compat import const
from keiki.wire.cosem import apdu, initiate, results
from keiki.wire.cosem.axdr import Reader
from keiki.wire.cosem.results import FAULTS, AccessError, code_of

BODY = const(44)
"""Where the data of an answer begins; before it is room for the head of a block (12 bytes), of the protection
(18) and of the transport (14)."""

BLOCK_HEAD = const(12)
READ = const(0)
WRITE = const(1)
ACT = const(2)


def find(association, descriptor: "tuple[int, bytes, int]", right: int):
    """Return the object that a descriptor names, if this client may do this with its attribute or method.

    AccessError if not; an object that is not the client's to see does not exist.
    """
    class_id, name, member = descriptor
    found = association.server.find(name, association)
    if found is None:
        raise AccessError(results.UNDEFINED)
    rights = found.access.get(association.client.sap)
    if rights is None:
        raise AccessError(results.UNDEFINED)
    if found.class_id != class_id:
        raise AccessError(results.CLASS_INCONSISTENT)
    if member <= 0 or not rights[right] >> member & 1:
        raise AccessError(results.DENIED)
    return found


def _get(association, descriptor, selection: "Reader | None"):
    """Write an attribute's value, or the beginning of it: then return the Rows that follow."""
    found = find(association, descriptor, READ)
    if selection is not None and not association.conformance & initiate.SELECTIVE_ACCESS:
        raise AccessError(results.SCOPE_VIOLATED)
    return found.get(descriptor[2], selection, association.writer, association)


def _one(association, descriptor, selection: "Reader | None"):
    yield _get(association, descriptor, selection)


def _many(association, wanted: bytes):
    writer = association.writer
    writer.length(Reader(wanted).length())
    for descriptor, where in apdu.entries(Reader(wanted), "ds"):
        start = writer.at
        writer.byte(0)
        try:
            rows = _get(association, descriptor, where and Reader(wanted, where[0], where[1]))
        except FAULTS as fault:
            rows = None
            writer.at = start
            writer.byte(1)
            writer.byte(code_of(fault))
        yield rows


def get_normal(association, buffer, invoke: int, descriptor, selection) -> int:
    """GET of one attribute."""
    reader = None if selection is None else Reader(buffer, selection[0], selection[1])
    association.intake.stop()
    association.transfer.start(apdu.GET, _one(association, descriptor, reader))
    return _answer_get(association, invoke, apdu.NORMAL)


def get_list(association, buffer, invoke: int, wanted: "tuple[int, int]") -> int:
    """GET of several attributes: each is answered or refused by itself."""
    association.intake.stop()
    # the request is gone when the later blocks are written; taken apart it would take ten times as much
    association.transfer.start(apdu.GET, _many(association, bytes(buffer[wanted[0] : wanted[1]])))
    return _answer_get(association, invoke, apdu.GET_LIST)


def get_next(association, buffer, invoke: int, block: int) -> int:
    """GET of the block after block `block`."""
    transfer = association.transfer
    running = transfer.running and transfer.service == apdu.GET
    if not running or block != transfer.block:
        code = results.BLOCK_NUMBER_INVALID if running else results.NO_LONG_GET
        transfer.stop()
        return answer(association, apdu.GET_ANSWER, apdu.GET_BLOCK, invoke, True, block, code)
    return _answer_get(association, invoke, apdu.GET_BLOCK)


def answer(association, tag: int, choice: int, *fields) -> int:
    """Answer with what has no data in it."""
    writer = association.writer
    writer.at = BODY
    apdu.encode(writer, tag << 8 | choice, *fields)
    return BODY


def _answer_get(association, invoke: int, choice: int) -> int:
    """Answer with the next block, or, if all fits into one, in the form `choice`."""
    writer, transfer = association.writer, association.transfer
    buffer = writer.buffer
    try:
        last = transfer.fill(writer, BODY + association.room() - BLOCK_HEAD)
        if not last and not association.conformance & initiate.BLOCK_GET:
            transfer.stop()
            raise AccessError(results.OTHER)
    except AccessError as error:
        if choice != apdu.GET_BLOCK:
            return answer(association, apdu.GET_ANSWER, apdu.NORMAL, invoke, error.code)
        block = transfer.block + 1
        return answer(association, apdu.GET_ANSWER, apdu.GET_BLOCK, invoke, True, block, error.code)
    if last and choice != apdu.GET_BLOCK:
        start = BODY - 3
        if choice == apdu.NORMAL:
            start -= 1
            buffer[BODY - 1] = 0
    else:
        choice = apdu.GET_BLOCK
        start = block_head(buffer, BODY, writer.at, last, transfer.block, True)
    buffer[start] = apdu.GET_ANSWER
    buffer[start + 1] = choice
    buffer[start + 2] = invoke
    return start


def block_head(buffer, start: int, end: int, last: bool, block: int, result: bool) -> int:
    """Write the head of a block, but for its first three bytes, before its data at `start`..`end`.

    `result`: there is a choice that says that it is data. Returns where the APDU begins.
    """
    size = end - start
    at = start - 1
    buffer[at] = size & 0xFF
    if size > 0xFF:
        buffer[at - 1] = size >> 8
        buffer[at - 2] = 0x82
        at -= 2
    elif size > 0x7F:
        buffer[at - 1] = 0x81
        at -= 1
    if result:
        at -= 1
        buffer[at] = 0
    at -= 5
    buffer[at] = 1 if last else 0
    buffer[at + 1] = block >> 24
    buffer[at + 2] = block >> 16 & 0xFF
    buffer[at + 3] = block >> 8 & 0xFF
    buffer[at + 4] = block & 0xFF
    return at - 3
