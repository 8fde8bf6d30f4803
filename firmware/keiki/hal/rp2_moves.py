"""The machine code of rp2_code.py: it looks through the heap and through files, and changes pointers there.

All of it works on `plan`, an array of words:

0       where in the heap to go on
1, 2    where RAM begins and ends
3       the module whose functions are meant
4, 5    what `read` has found in its file: the words of it, and its keys
6, 7    where blocks begin in the file, and where they are in flash
8       the code that generators stand in: how many, then each
9       how many functions within functions there is room for
10..13  the types of functions, of functions that are generators, of texts and of bytes
14      the size of the file
15      the type of functions in viper

Document: MicroPython's py/persistentcode.c (.mpy version 6), py/objfun.h, py/objstr.h, py/emitglue.h,
py/objgenerator.c, py/qstr.c. `@micropython.viper` is a word to the compiler, no name.
"""

# ruff: noqa: F821, PLR0912, PLR0915
# pyright: reportUndefinedVariable=false, reportInvalidTypeForm=false, reportIndexIssue=false
# pyright: reportOperatorIssue=false, reportArgumentType=false, reportReturnType=false


@micropython.viper
def generators(ram: int, end: int, kind: int, found: ptr32, most: int) -> int:
    """Gather where the generators in the heap stand in code that lies in RAM; `most`: too many."""
    n = 0
    at = ram
    while at < end and n < most:
        words = ptr32(at)
        if int(words[0]) == kind:
            code = int(words[3])
            if code >= ram and code < end:
                found[n] = code
                n += 1
        at += 16
    return n


@micropython.viper
def gather(plan: ptr32, found: ptr32, most: int) -> int:
    """Gather where this module's functions, and any texts, have the address of what lies in RAM; goes on
    where it was the last time."""
    ram = int(plan[1])
    end = int(plan[2])
    at = int(plan[0])
    n = 0
    while at < end and n < most:
        words = ptr32(at)
        kind = int(words[0])
        code = int(words[3])
        if code >= ram and code < end:
            if kind == int(plan[10]) or kind == int(plan[11]) or kind == int(plan[15]):
                ours = int(words[1]) == int(plan[3])
            else:
                # a text has a hash of 8 bits before its length
                ours = (kind == int(plan[12]) or kind == int(plan[13])) and int(words[1]) < 256
            if ours:
                found[n] = at + 12
                n += 1
        at += 16
    plan[0] = at
    return n


@micropython.viper
def read(plan: ptr32, found: ptr32, begin: int, most: int) -> int:
    """Gather what a .mpy has of code and texts in `found`, two words each: `most` of it from the one with
    number `begin` on. Returns how many it has.

    First word: the offset in the file; above 24 bits how many functions are made in this one, 255: a text.
    254: machine code. Second word: the length; above 16 bits what was found before with the same key, from 1
    on. `heads` has for each key what was found last. The code of the module itself is left out: it runs once.
    -1: machine code that is no viper, or that is not the same wherever it lies.
    """
    heads = ptr16(int(plan[5]))
    starts = ptr32(int(plan[6]))
    places = ptr32(int(plan[7]))
    size = int(plan[14])
    at = 4
    k = 0
    kind = 0
    made = 0
    latest = -1  # the function before; -1: it is the module's, or not gathered
    names = 0
    constants = 0
    functions = 1
    own = True
    # what comes next: how many names, constants; a name; a constant, its length; code, how many are in it;
    # what machine code is like
    step = 0
    while functions > 0 or step > 5:
        value = 0
        byte = 128
        while byte > 127:
            if at >= size:
                return -1
            while at >= int(starts[k + 1]):
                k += 1
            byte = int(ptr8(int(places[k]) + at - int(starts[k]))[0])
            value = value << 7 | (byte & 127)
            at += 1
        length = 0
        skip = 0
        top = 0
        if step == 0:
            names = value
            step = 1
        elif step == 1:
            constants = value
            step = 2
        elif step == 2:
            names -= 1
            if value & 1 == 0:
                skip = (value >> 1) + 1
        elif step == 3:
            constants -= 1
            kind = value
            if kind > 4:
                step = 4
        elif step == 4:
            step = 3
            if kind == 10:  # a tuple
                constants += value
            elif kind < 7:  # a text, or bytes
                length = value
                skip = value + 1
                top = 255
            else:
                skip = value
        elif step == 5:
            functions -= 1
            latest = -1
            skip = value >> 3
            if own:
                own = False
            else:
                length = skip
            if value & 3:
                if value & 7 != 2:
                    return -1
                top = 254
                step = 7
            elif value & 4:
                step = 6
        elif step == 6:
            functions += value
            step = 5
            if latest >= 0 and value < 254:
                found[latest] = int(found[latest]) | value << 24
        else:
            if value & 0x70:
                return -1
            step = 5
        if step == 2 and names == 0:
            step = 3
        if step == 3 and constants == 0:
            step = 5
        if length > 5 and length < 65536 and at + length <= size:
            while at >= int(starts[k + 1]):
                k += 1
            if at + length <= int(starts[k + 1]):
                new = made - begin
                if new >= 0 and new < most:
                    code = ptr8(int(places[k]) + at - int(starts[k]))
                    key = 0
                    j = 0
                    while j < 6:
                        key = (key * 31 + int(code[j])) & 255
                        j += 1
                    if top == 0:
                        latest = new + new
                    found[new + new] = at | top << 24
                    found[new + new + 1] = length | int(heads[key]) << 16
                    heads[key] = new + 1
                made += 1
        at += skip
    return made


@micropython.viper
def move(plan: ptr32, slots: ptr32, n: int, table: int, kids: ptr32) -> int:
    """Have what `slots` point to where that lies in flash; what is made in a function is gathered in `kids`.

    The word at `table` bytes from a slot points to that: -4 in a function; 4 in code that no function has
    been made of yet. Returns how many are in `kids`.
    """
    ram = int(plan[1])
    end = int(plan[2])
    found = ptr32(int(plan[4]))
    heads = ptr16(int(plan[5]))
    starts = ptr32(int(plan[6]))
    places = ptr32(int(plan[7]))
    busy = ptr32(int(plan[8]))
    room = int(plan[9])
    made = 0
    i = 0
    while i < n:
        at = int(slots[i])
        slot = ptr32(at)
        address = int(slot[0])
        i += 1
        if address < ram or address >= end:
            continue
        size = -1  # code does not say how long it is
        if table < 0:
            kind = int(ptr32(at - 12)[0])
            if kind == int(plan[12]) or kind == int(plan[13]):
                size = int(ptr32(at - 4)[0])
        code = ptr8(address)
        key = 0
        j = 0
        while j < 6:
            key = (key * 31 + int(code[j])) & 255
            j += 1
        other = int(heads[key])
        while other > 0:
            first = int(found[other + other - 2])
            length = int(found[other + other - 1])
            other = (length >> 16) & 0xFFFF
            length &= 0xFFFF
            top = (first >> 24) & 255
            if top == 255:
                if size != length:
                    continue
            elif size >= 0:
                continue
            offset = first & 0xFFFFFF
            k = offset >> 12
            while int(starts[k + 1]) <= offset:
                k += 1
            to = int(places[k]) + offset - int(starts[k])
            if top == 254:
                top = 0
                if to & 3:  # it reads words that lie beside it
                    continue
            there = ptr8(to)
            j = 0
            while j < length and int(there[j]) == int(code[j]):
                j += 1
            if j < length:
                continue
            if top == 255:
                slot[0] = to
                break
            j = 1
            while j <= int(busy[0]):
                if int(busy[j]) >= address and int(busy[j]) < address + length:
                    break
                j += 1
            if j <= int(busy[0]):
                break
            slot[0] = to
            if top > 0 and made + top <= room:
                inner = ptr32(int(ptr32(at + table)[0]))
                while top > 0:
                    top -= 1
                    kids[made] = int(inner[top]) + 4
                    made += 1
            break
    return made


@micropython.viper
def names(at: int, end: int) -> int:
    """Return where, from `at` on, there is what looks like a table of names of MicroPython; 0: nowhere.

    It begins with: the table before, how many names those before have, room, count, where hashes are, where
    lengths are. It may be one that was left, or that an earlier start had.
    """
    end -= 24
    while at <= end:
        words = ptr32(at)
        room = int(words[2])
        hashes = at + 24 + (room << 2)
        if int(words[4]) == hashes and int(words[5]) == hashes + room:
            return at
        at += 16
    return 0


@micropython.viper
def holder(ram: int, table: int) -> int:
    """Return where the one word before `table` is that says where it is; 0: there are more, or none."""
    found = 0
    at = ram
    while at < table:
        if int(ptr32(at)[0]) == table:
            if found > 0:
                return 0
            found = at
        at += 4
    return found
