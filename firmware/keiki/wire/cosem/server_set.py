"""SET and ACTION: who may change or do what, in one APDU or in blocks.

Document: IEC 62056-5-3 9.3 (Green Book). The services have the form that server_get.py describes.
"""

from keiki.wire.cosem import apdu, initiate, results
from keiki.wire.cosem.axdr import Reader
from keiki.wire.cosem.results import FAULTS, AccessError, code_of
from keiki.wire.cosem.server_blocks import PIECE_MAX
from keiki.wire.cosem.server_get import ACT, BLOCK_HEAD, BODY, WRITE, answer, block_head, find


def _set_one(association, descriptor, selection, reader: Reader) -> int:
    """Carry out one SET and return its result code."""
    try:
        found = find(association, descriptor, WRITE)
        if selection is not None:
            raise AccessError(results.SCOPE_VIOLATED)
        found.set(descriptor[2], reader, association)
    except FAULTS as fault:
        return code_of(fault)
    return results.SUCCESS


def set_normal(association, buffer, invoke: int, descriptor, selection, value) -> int:
    """SET of one attribute."""
    code = _set_one(association, descriptor, selection, Reader(buffer, value[0], value[1]))
    return answer(association, apdu.SET_ANSWER, apdu.NORMAL, invoke, code)


def set_list(association, buffer, invoke: int, wanted: "tuple[int, int]", values: "tuple[int, int]") -> int:
    """SET of several attributes, one after the other; none of them if the lists do not match."""
    reader = Reader(buffer, values[0], values[1])
    if reader.length() != Reader(buffer, wanted[0], wanted[1]).length():
        return association.refuse(apdu.MALFORMED)
    codes = _set_each(association, Reader(buffer, wanted[0], wanted[1]), reader)
    return answer(association, apdu.SET_ANSWER, apdu.SET_LIST, invoke, codes)


def _set_each(association, wanted: Reader, values: Reader) -> bytes:
    """Carry out a SET for each entry of a list, with the value that `values` stands at; return the codes."""
    codes = bytearray()
    for descriptor, selection in apdu.entries(wanted, "ds"):
        codes.append(_set_one(association, descriptor, selection, next_value(values)))
    return codes


def next_value(values: Reader) -> Reader:
    """Take the value that a reader stands at, and return a reader of it alone."""
    start = values.at
    values.skip()
    return Reader(values.buffer, start, values.at)


def set_first(association, buffer, invoke: int, descriptor, selection, last: bool, block: int, data) -> int:
    """SET of one attribute in blocks, the first one."""
    association.transfer.stop()
    association.intake.stop()
    try:
        find(association, descriptor, WRITE)
        if selection is not None:
            raise AccessError(results.SCOPE_VIOLATED)
    except AccessError as error:
        return answer(association, apdu.SET_ANSWER, apdu.SET_LAST, invoke, error.code, block)
    association.intake.start(apdu.SET, descriptor)
    return set_block(association, buffer, invoke, last, block, data)


def set_list_first(association, buffer, invoke: int, wanted, last: bool, block: int, data) -> int:
    """SET of several attributes in blocks, the first one."""
    association.transfer.stop()
    association.intake.start(apdu.SET, None, bytes(buffer[wanted[0] : wanted[1]]))
    return set_block(association, buffer, invoke, last, block, data)


def set_block(association, buffer, invoke: int, last: bool, block: int, data) -> int:
    """SET of one attribute or several in blocks, a block; the last one carries it out."""
    intake = association.intake
    descriptor, wanted = intake.descriptor, intake.wanted
    code = results.NO_LONG_SET
    if intake.service == apdu.SET:
        try:
            reader = intake.take(block, last, buffer, data[0], data[1])
            if reader is None:
                return answer(association, apdu.SET_ANSWER, apdu.SET_FIRST, invoke, block)
            if wanted is not None:
                reader.length()
                codes = _set_each(association, Reader(wanted), reader)
                return answer(association, apdu.SET_ANSWER, apdu.SET_LIST_LAST, invoke, codes, block)
            code = _set_one(association, descriptor, None, reader)
        except FAULTS as fault:
            code = code_of(fault)
    if wanted is not None:
        codes = bytes((code,)) * Reader(wanted).length()
        return answer(association, apdu.SET_ANSWER, apdu.SET_LIST_LAST, invoke, codes, block)
    return answer(association, apdu.SET_ANSWER, apdu.SET_LAST, invoke, code, block)


def _act_one(association, descriptor, reader: "Reader | None") -> None:
    """Carry out one ACTION; write its result code and what it returns: 00, or 01 00 and a value."""
    writer = association.writer
    buffer = writer.buffer
    start = writer.room(2)
    code = results.SUCCESS
    returned = False
    try:
        found = find(association, descriptor, ACT)
        writer.byte(0)
        returned = found.act(descriptor[2], reader, writer, association)
    except FAULTS as fault:
        code = code_of(fault)
    if not returned:
        writer.at = start + 2
    if association.waits_for is not None and association.code_at < 0:
        association.code_at = start
    buffer[start] = code
    buffer[start + 1] = 1 if returned else 0


def _begin_action(association, choice: int, invoke: int) -> None:
    writer = association.writer
    writer.at = BODY
    writer.end = BODY + association.room()
    if association.conformance & initiate.BLOCK_ACTION:
        writer.end += PIECE_MAX - BLOCK_HEAD
    writer.raw(bytes((apdu.ACTION_ANSWER, choice, invoke)))


def _end_action(association, invoke: int) -> int:
    """Answer with what has been written: as it is, or with the first block of it."""
    writer = association.writer
    buffer = writer.buffer
    end = BODY + association.room()
    if writer.at <= end:
        return BODY
    start = BODY + 3
    end -= BLOCK_HEAD - 3
    kept = association.transfer.go_on(apdu.ACTION, memoryview(buffer)[end : writer.at])
    writer.at = end
    if association.code_at >= end:  # what is to be concluded comes in the next block
        association.code_in, association.code_at = kept, association.code_at - end
    return _block_of_action(association, invoke, start, False)


def _block_of_action(association, invoke: int, start: int, last: bool) -> int:
    buffer = association.writer.buffer
    at = block_head(buffer, start, association.writer.at, last, association.transfer.block, False)
    buffer[at] = apdu.ACTION_ANSWER
    buffer[at + 1] = apdu.ACTION_NEXT
    buffer[at + 2] = invoke
    return at


def act_next(association, buffer, invoke: int, block: int) -> int:
    """ACTION: the block of what it returns after block `block`."""
    transfer, writer = association.transfer, association.writer
    if not transfer.running or transfer.service != apdu.ACTION or block != transfer.block:
        transfer.stop()
        return answer(association, apdu.ACTION_ANSWER, apdu.NORMAL, invoke, results.LONG_ABORTED, None)
    last = transfer.fill(writer, BODY + association.room() - BLOCK_HEAD)
    return _block_of_action(association, invoke, BODY, last)


def act_normal(association, buffer, invoke: int, descriptor, value) -> int:
    """ACTION of one method."""
    return _act(association, invoke, descriptor, value and Reader(buffer, value[0], value[1]))


def _act(association, invoke: int, descriptor, reader: "Reader | None") -> int:
    _begin_action(association, apdu.NORMAL, invoke)
    _act_one(association, descriptor, reader)
    return _end_action(association, invoke)


def act_list(association, buffer, invoke: int, wanted: "tuple[int, int]", values: "tuple[int, int]") -> int:
    """ACTION of several methods, one after the other; none if the lists do not match or the answer is long.

    What a method returns is left out where there is no room for it.
    """
    return _act_each(association, invoke, Reader(buffer, wanted[0], wanted[1]), Reader(buffer, *values))


def _act_each(association, invoke: int, wanted: Reader, values: Reader) -> int:
    start = wanted.at
    count = wanted.length()
    wanted.at = start
    if count != values.length():
        return association.refuse(apdu.MALFORMED)
    if 5 + 2 * count > association.room():
        return association.refuse(apdu.TOO_LONG)
    _begin_action(association, apdu.ACTION_LIST, invoke)
    writer = association.writer
    end = writer.end
    writer.length(count)
    for descriptor in apdu.entries(wanted, "d"):
        count -= 1
        writer.end = end - 2 * count
        _act_one(association, descriptor, next_value(values))
    return _end_action(association, invoke)


def act_first(association, buffer, invoke: int, descriptor, last: bool, block: int, data) -> int:
    """ACTION of one method with a parameter in blocks, the first one."""
    association.transfer.stop()
    association.intake.stop()
    try:
        find(association, descriptor, ACT)
    except AccessError as error:
        return answer(association, apdu.ACTION_ANSWER, apdu.NORMAL, invoke, error.code, None)
    association.intake.start(apdu.ACTION, descriptor)
    return act_block(association, buffer, invoke, last, block, data)


def act_list_first(association, buffer, invoke: int, wanted, last: bool, block: int, data) -> int:
    """ACTION of several methods with parameters in blocks, the first one."""
    association.transfer.stop()
    association.intake.start(apdu.ACTION, None, bytes(buffer[wanted[0] : wanted[1]]))
    return act_block(association, buffer, invoke, last, block, data)


def act_block(association, buffer, invoke: int, last: bool, block: int, data) -> int:
    """ACTION of one method or several, parameters in blocks, a block; the last one carries it out."""
    intake = association.intake
    descriptor, wanted = intake.descriptor, intake.wanted
    code = results.LONG_ABORTED
    if intake.service == apdu.ACTION:
        try:
            reader = intake.take(block, last, buffer, data[0], data[1])
            if reader is None:
                return answer(association, apdu.ACTION_ANSWER, apdu.ACTION_ANSWER_NEXT, invoke, block)
        except FAULTS as fault:
            code = code_of(fault)
        else:
            if wanted is not None:
                return _act_each(association, invoke, Reader(wanted), reader)
            return _act(association, invoke, descriptor, reader)
    return answer(association, apdu.ACTION_ANSWER, apdu.NORMAL, invoke, code, None)
