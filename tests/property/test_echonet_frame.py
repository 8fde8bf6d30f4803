"""Frames under hypothesis: what is encoded is decoded, and nothing but FrameError comes of bad bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keiki.wire.echonet import frame

EDT = st.binary(max_size=255)
PROPS = st.lists(st.tuples(st.integers(0, 255), EDT), min_size=1, max_size=12)
EOJ = st.integers(0, 0xFFFFFF)


@st.composite
def frames(draw):
    """Draw the arguments of `encode`."""
    esv = draw(st.sampled_from(list(frame.ESVS)))
    gets = draw(PROPS) if frame.has_two_lists(esv) else None
    return draw(st.integers(0, 0xFFFF)), draw(EOJ), draw(EOJ), esv, draw(PROPS), gets


@given(frames(), st.binary(max_size=20))
def test_what_is_encoded_is_decoded(fields, tail):
    got = frame.decode(frame.encode(*fields) + tail)
    assert (got.tid, got.seoj, got.deoj, got.esv, got.props, got.props_get) == fields


@given(frames(), st.data())
def test_every_truncation_is_rejected(fields, data):
    raw = frame.encode(*fields)
    size = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(frame.FrameError):
        frame.decode(raw[:size])


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda tail: b"\x10\x81" + tail)))
def test_arbitrary_bytes_decode_or_raise_frame_error(raw):
    try:
        got = frame.decode(raw)
    except frame.FrameError:
        return
    again = frame.encode(got.tid, got.seoj, got.deoj, got.esv, got.props, got.props_get)
    assert raw.startswith(again)
