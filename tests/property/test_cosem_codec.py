"""A-XDR and APDUs under hypothesis: what is encoded is decoded, bad bytes are a FrameError."""

import pytest
from cosem_vectors import fields_of
from hypothesis import given
from hypothesis import strategies as st
from keiki.wire.cosem import acse, apdu, datetime12, hdlc, initiate, values, wrapper
from keiki.wire.cosem.axdr import ARRAY, NULL, NUMBERS, STRINGS, STRUCTURE, FrameError, Reader, Writer

INTEGERS = [st.tuples(st.just(tag), st.integers(low, high)) for tag, (_, _, low, high) in NUMBERS.items()]
SIMPLE = st.one_of(
    st.just((NULL, None)),
    st.tuples(st.sampled_from(STRINGS), st.binary(max_size=300)),
    *INTEGERS,
)


def _structure(parts):
    return (STRUCTURE, *(shape for shape, _ in parts)), tuple(value for _, value in parts)


@st.composite
def _arrays(draw, inner):
    shape, value = draw(inner)
    return (ARRAY, shape), [value] * draw(st.integers(0, 5))


SHAPED = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(st.lists(inner, max_size=5).map(_structure), _arrays(inner)),
    max_leaves=20,
)


@given(SHAPED, st.binary(max_size=5))
def test_what_is_encoded_is_decoded_and_passed_over(shaped, tail):
    shape, value = shaped
    raw = values.encode(shape, value)
    reader = Reader(raw + tail)
    assert values.read_shape(reader, shape) == value
    assert reader.at == len(raw)
    skipping = Reader(raw + tail)
    skipping.skip()
    assert skipping.at == len(raw)
    any_shape = Reader(raw + tail)
    values.read(any_shape)
    assert any_shape.at == len(raw)


@given(SHAPED, st.data())
def test_every_truncation_is_rejected(shaped, data):
    shape, value = shaped
    raw = values.encode(shape, value)
    size = data.draw(st.integers(0, len(raw) - 1))
    for read in (lambda reader: values.read_shape(reader, shape), values.read, Reader.skip):
        with pytest.raises(FrameError):
            read(Reader(raw, 0, size))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_value_or_a_frame_error(raw):
    reader, skipping = Reader(raw), Reader(raw)
    try:
        values.read(reader)
    except FrameError:
        with pytest.raises(FrameError):
            skipping.skip()
        return
    skipping.skip()
    assert skipping.at == reader.at


DESCRIPTORS = st.tuples(st.integers(0, 0xFFFF), st.binary(min_size=6, max_size=6), st.integers(-128, 127))
DATA = SHAPED.map(lambda shaped: values.encode(*shaped))
CODES = st.integers(0, 255)
LETTERS = {
    "i": CODES,
    "f": st.integers(0, 1),
    "b": st.integers(0, 0xFFFFFFFF),
    "d": DESCRIPTORS,
    "s": st.none() | st.tuples(CODES, DATA).map(lambda pair: bytes(pair[:1]) + pair[1]),
    "v": DATA,
    "o": st.none() | DATA,
    "k": st.binary(max_size=200),
    "g": CODES | DATA,
    "h": CODES | st.binary(max_size=200),
    "r": st.none() | CODES | DATA,
    "e": st.tuples(st.integers(0, 255).filter(lambda error: error != 6), st.none())
    | st.tuples(st.just(6), st.integers(0, 0xFFFFFFFF)),
}


@st.composite
def apdus(draw):
    """Draw (key, fields)."""
    key = draw(st.sampled_from(sorted(apdu.LAYOUTS)))
    fields = []
    for letters in fields_of(apdu.LAYOUTS[key]):
        if letters[0] != "[":
            fields.append(draw(LETTERS[letters]))
        elif len(letters) == 2:
            fields.append(draw(st.lists(LETTERS[letters[1]], max_size=8)))
        else:
            fields.append(draw(st.lists(st.tuples(*(LETTERS[letter] for letter in letters[1:])), max_size=8)))
    return key, fields


def encoded(key, fields):
    writer = Writer(bytearray(20000))
    apdu.encode(writer, key, *fields)
    return bytes(writer.buffer[: writer.at])


def valued(raw, letters, value):
    """Return a decoded field with the bytes of its ranges."""
    if letters[0] == "[":
        if len(letters) == 2:
            return [valued(raw, letters[1], entry) for entry in value]
        return [tuple(map(valued, [raw] * len(entry), letters[1:], entry)) for entry in value]
    if letters in "svokghr" and isinstance(value, tuple):
        return raw[value[0] : value[1]]
    return value


@given(apdus())
def test_every_apdu_that_is_encoded_is_decoded(drawn):
    key, fields = drawn
    raw = encoded(key, fields)
    found, ranges = apdu.decode(Reader(raw))
    assert found == key
    assert [valued(raw, fields_of(apdu.LAYOUTS[key])[i], field) for i, field in enumerate(ranges)] == fields


@given(apdus(), st.data())
def test_every_apdu_cut_off_or_too_long_is_rejected(drawn, data):
    raw = encoded(*drawn)
    size = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(FrameError):
        if raw[0] == apdu.EXCEPTION and size == 3:
            raise FrameError("a counter need not be told")
        apdu.decode(Reader(raw, 0, size))
    if raw[:1] + raw[2:3] != b"\xd8\x06":
        with pytest.raises(FrameError):
            apdu.decode(Reader(raw + b"\0"))


@given(
    st.binary(max_size=120)
    | st.tuples(st.sampled_from(sorted(apdu.LAYOUTS)), st.binary(max_size=80)).map(
        lambda pair: pair[0].to_bytes(2, "big") + pair[1]
    )
)
def test_arbitrary_bytes_are_an_apdu_or_a_frame_error(raw):
    try:
        key, ranges = apdu.decode(Reader(raw))
    except FrameError:
        return
    fields = [valued(raw, fields_of(apdu.LAYOUTS[key])[i], field) for i, field in enumerate(ranges)]
    again = encoded(key, fields)
    assert apdu.decode(Reader(again))[0] == key


@given(st.binary(max_size=100), st.sampled_from([b"\x60", b"\x61", b"\x62", b"\x63", b"\x01", b"\x08"]))
def test_arbitrary_associations_are_decoded_or_a_frame_error(tail, tag):
    raw = tag + (bytes((len(tail),)) if tag[0] >= 0x60 else b"") + tail
    for decode in (
        acse.decode_request, acse.decode_answer, initiate.decode_request, initiate.decode_answer,
        lambda reader: acse.decode_release(reader, 0x62), lambda reader: acse.decode_release(reader, 0x63),
    ):  # fmt: skip
        try:
            decode(Reader(raw))
        except FrameError:
            continue


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 255))
def test_every_instant_packs_and_unpacks(utc_s, status):
    raw = datetime12.pack(utc_s, status)
    assert datetime12.instant(raw) == utc_s
    assert datetime12.unpack(raw)[2] == status


@given(st.binary(min_size=12, max_size=12))
def test_arbitrary_times_are_an_instant_or_a_frame_error(raw):
    for trust in (True, False):
        try:
            found = datetime12.instant(raw, trust)
        except FrameError:
            continue
        assert found is None or isinstance(found, int)


PORTS = st.integers(0, 0xFFFF)


@given(st.lists(st.tuples(PORTS, PORTS, st.binary(max_size=64)), max_size=8), st.data())
def test_a_wrapped_stream_in_pieces_is_the_same_apdus(apdus, data):
    stream = b"".join(wrapper.encode(*frame) for frame in apdus)
    inbox = wrapper.Inbox(64)
    found = []
    at = 0
    while True:
        while (taken := inbox.take()) is not None:
            source, destination, start, end = taken
            found.append((source, destination, bytes(inbox.buffer[start:end])))
        if at == len(stream):
            break
        space = inbox.space()
        size = min(data.draw(st.integers(1, 40)), len(space), len(stream) - at)
        space[:size] = stream[at : at + size]
        inbox.filled(size)
        at += size
    assert found == apdus


@given(st.binary(max_size=300), st.data())
def test_arbitrary_bytes_never_hurt_the_scanner_and_a_frame_after_them_is_found(noise, data):
    scanner = hdlc.Scanner(64)
    buffer = bytearray(100)
    size = hdlc.encode_into(buffer, hdlc.Address(1, 17), hdlc.Address(1), 0x10, False, b"hello")
    # a false head may swallow as many bytes as the buffer holds
    stream = noise + bytes(buffer[:size]) + bytes(100) + bytes(buffer[:size])
    found = 0
    while stream:
        step = data.draw(st.integers(1, 50))
        scanner.feed(stream[:step])
        stream = stream[step:]
        while (frame := scanner.take()) is not None:
            found += bytes(scanner.buffer[frame.start : frame.end]) == b"hello"
    assert found >= 1
