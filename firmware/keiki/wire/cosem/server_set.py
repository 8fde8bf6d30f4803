"""SET and ACTION: who may change or do what, in one APDU or in blocks.

Document: IEC 62056-5-3 9.3 (Green Book). The services have the form that server_get.py describes.
"""

from keiki.wire.cosem import apdu, results
from keiki.wire.cosem.axdr import Reader
from keiki.wire.cosem.results import FAULTS, AccessError, code_of
from keiki.wire.cosem.server_get import ACT, BODY, WRITE, answer, find


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


def set_list(association, buffer, invoke: int, wanted: list, values: list) -> int:
    """SET of several attributes, one after the other; none of them if the lists do not match."""
    if len(wanted) != len(values):
        return association.refuse(apdu.MALFORMED)
    codes = []
    for i, (descriptor, selection) in enumerate(wanted):
        start, end = values[i]
        codes.append(_set_one(association, descriptor, selection, Reader(buffer, start, end)))
    return answer(association, apdu.SET_ANSWER, apdu.SET_LIST, invoke, codes)


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


def set_block(association, buffer, invoke: int, last: bool, block: int, data) -> int:
    """SET of one attribute in blocks, a block; the last one carries it out."""
    intake = association.intake
    descriptor = intake.descriptor
    code = results.NO_LONG_SET
    if intake.service == apdu.SET:
        try:
            reader = intake.take(block, last, buffer, data[0], data[1])
            if reader is None:
                return answer(association, apdu.SET_ANSWER, apdu.SET_FIRST, invoke, block)
            code = _set_one(association, descriptor, None, reader)
        except FAULTS as fault:
            code = code_of(fault)
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


def _act(association, invoke: int, descriptor, reader: "Reader | None") -> int:
    start = _begin_action(association, apdu.NORMAL, invoke)
    _act_one(association, descriptor, reader)
    return start


def _begin_action(association, choice: int, invoke: int) -> int:
    writer = association.writer
    writer.at = BODY
    writer.end = BODY + association.room()
    writer.raw(bytes((apdu.ACTION_ANSWER, choice, invoke)))
    return BODY


def act_normal(association, buffer, invoke: int, descriptor, value) -> int:
    """ACTION of one method."""
    return _act(association, invoke, descriptor, value and Reader(buffer, value[0], value[1]))


def act_list(association, buffer, invoke: int, wanted: list, values: list) -> int:
    """ACTION of several methods, one after the other; none if the lists do not match or the answer is long.

    What a method returns is left out where there is no room for it.
    """
    if len(wanted) != len(values):
        return association.refuse(apdu.MALFORMED)
    if 5 + 2 * len(wanted) > association.room():
        return association.refuse(apdu.TOO_LONG)
    start = _begin_action(association, apdu.ACTION_LIST, invoke)
    writer = association.writer
    end = writer.end
    writer.length(len(wanted))
    for i, descriptor in enumerate(wanted):
        writer.end = end - 2 * (len(wanted) - i - 1)
        _act_one(association, descriptor, Reader(buffer, values[i][0], values[i][1]))
    return start


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


def act_block(association, buffer, invoke: int, last: bool, block: int, data) -> int:
    """ACTION of one method with a parameter in blocks, a block; the last one carries it out."""
    intake = association.intake
    descriptor = intake.descriptor
    code = results.LONG_ABORTED
    if intake.service == apdu.ACTION:
        try:
            reader = intake.take(block, last, buffer, data[0], data[1])
            if reader is None:
                return answer(association, apdu.ACTION_ANSWER, apdu.ACTION_ANSWER_NEXT, invoke, block)
            return _act(association, invoke, descriptor, reader)
        except FAULTS as fault:
            code = code_of(fault)
    return answer(association, apdu.ACTION_ANSWER, apdu.NORMAL, invoke, code, None)
