"""Frames of the J11 module (b-route.md E6.1 - E6.3), in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keiki_host.bench.wisun.j11_codec import (
    ANSWER,
    REQUEST,
    Broken,
    Frame,
    Reader,
    encode,
    encode_answer,
    encode_request,
)

# E6.3: unique code, command, data, the whole frame
SAMPLES = [
    (REQUEST, 0x006B, "", "D0EA83FC 006B 0004 03A8 0000"),
    (REQUEST, 0x00D9, "", "D0EA83FC 00D9 0004 0416 0000"),
    (ANSWER, 0x6019, "", "D0F9EE5D 6019 0004 0391 0000"),
    (REQUEST, 0x005F, "05000400", "D0EA83FC 005F 0008 03A0 0009 05000400"),
    (REQUEST, 0x0005, "0E1A", "D0EA83FC 0005 0006 0344 0028 0E1A"),
    (REQUEST, 0x000E, "", "D0EA83FC 000E 0004 034B 0000"),
]


@pytest.mark.parametrize(("unique", "command", "data", "frame"), SAMPLES)
def test_samples_encode_and_decode_byte_for_byte(unique: int, command: int, data: str, frame: str) -> None:
    whole = bytes.fromhex(frame)
    assert encode(unique, command, bytes.fromhex(data)) == whole
    assert Reader(unique).receive(whole) == [Frame(command, bytes.fromhex(data))]


@pytest.mark.parametrize(("unique", "command", "data", "frame"), SAMPLES)
def test_byte_by_byte_and_at_every_cut_a_frame_is_the_same(
    unique: int, command: int, data: str, frame: str
) -> None:
    whole = bytes.fromhex(frame)
    expected = [Frame(command, bytes.fromhex(data))]
    for cut in range(len(whole)):
        reader = Reader(unique)
        assert reader.receive(whole[:cut]) == []
        assert reader.waiting == (cut >= 4)
        assert reader.receive(whole[cut:] + b"\xd0") == expected
    reader = Reader(unique)
    assert [item for byte in whole for item in reader.receive(bytes([byte]))] == expected


@pytest.mark.parametrize(("unique", "command", "data", "frame"), SAMPLES)
def test_every_changed_byte_is_noticed(unique: int, command: int, data: str, frame: str) -> None:
    whole = bytes.fromhex(frame)
    for place in range(len(whole)):
        wrong = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        found = Reader(unique).receive(wrong)
        if place < 4:
            assert found == []
        elif place < 10:
            assert found[0] == Broken(None, 0xF0)
        else:
            assert found == [Broken(command, 0xF1)]


def _with_length(length: int) -> bytes:
    head = bytes.fromhex("D0EA83FC 006B") + length.to_bytes(2, "big")
    return head + sum(head).to_bytes(2, "big") + b"\0\0"


def test_lengths_out_of_range_are_named() -> None:
    assert Reader(REQUEST).receive(_with_length(3)) == [Broken(0x6B, 0xF2)]
    assert Reader(REQUEST).receive(_with_length(1354)) == [Broken(0x6B, 0xF3)]
    longest = bytes(1349)
    assert Reader(REQUEST).receive(_with_length(1353) + longest) == [Frame(0x6B, longest)]
    assert len(encode_request(8, longest)) == 1361
    with pytest.raises(ValueError, match="1350 bytes"):
        encode_request(8, bytes(1350))


def test_a_frame_is_found_after_a_broken_one_and_after_junk() -> None:
    version = bytes.fromhex("D0EA83FC 006B 0004 03A8 0000")
    wrong_head = bytes.fromhex("D0EA83FC 006B 0004 03A9 0000")
    wrong_data = bytes.fromhex("D0EA83FC 0005 0006 0344 0029 0E1A")
    stream = b"\xd0\xea\x83" + version + wrong_head + version + wrong_data + b"hello" + version
    reader = Reader(REQUEST)
    good = Frame(0x6B)
    assert reader.receive(stream) == [good, Broken(None, 0xF0), good, Broken(5, 0xF1), good]
    assert reader.dropped_bytes == 3 + 12 + 14 + 5


def test_the_other_direction_is_junk() -> None:
    reader = Reader(REQUEST)
    assert reader.receive(encode_answer(0x206B, b"\x01")) == []
    assert not reader.waiting


def test_giving_up_drops_what_came_and_names_the_command_if_it_is_known() -> None:
    reader = Reader(REQUEST)
    whole = encode_request(5, b"\x0e\x1a")
    for cut in range(len(whole)):
        reader.receive(whole[:cut])
        assert reader.give_up() == (Broken(5, 0x13) if cut >= 12 else None)
        assert not reader.waiting
    assert reader.receive(whole) == [Frame(5, b"\x0e\x1a")]


_PIECES = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.builds(encode_request, st.integers(0, 0xFFFF), st.binary(max_size=20)),
        st.builds(
            lambda frame, at, to: frame[: at % len(frame)] + bytes([to]) + frame[at % len(frame) + 1 :],
            st.builds(encode_request, st.integers(0, 0xFF), st.binary(max_size=6)),
            st.integers(0, 17),
            st.integers(0, 255),
        ),
    ),
    max_size=6,
).map(b"".join)


@given(_PIECES, st.lists(st.integers(0, 200), max_size=6))
def test_how_a_stream_is_cut_changes_nothing(stream: bytes, cuts: list[int]) -> None:
    whole = Reader(REQUEST)
    expected = whole.receive(stream)
    pieces = Reader(REQUEST)
    found: list[Frame | Broken] = []
    places = sorted({min(cut, len(stream)) for cut in cuts})
    for start, stop in zip([0, *places], [*places, len(stream)], strict=True):
        found += pieces.receive(stream[start:stop])
    assert found == expected
    assert (pieces.waiting, pieces.dropped_bytes) == (whole.waiting, whole.dropped_bytes)
    assert pieces.give_up() == whole.give_up()


@given(st.integers(0, 0xFFFF), st.binary(max_size=1349))
def test_what_is_encoded_is_decoded(command: int, data: bytes) -> None:
    assert Reader(ANSWER).receive(encode_answer(command, data)) == [Frame(command, data)]
