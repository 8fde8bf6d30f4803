"""Whatever the pieces and whatever the bytes, lines and parsers hold (b-route.md E1, E2)."""

from hypothesis import given, settings
from hypothesis import strategies as st
from keiki.wire.sk import lines
from keiki.wire.sk.dialect import BP35A1, BP35C2, parse_field
from keiki.wire.sk.lines import LineReader, SkError, ip_bytes, ip_text

DIALECTS = st.sampled_from([BP35A1, BP35C2])
MACS = st.binary(min_size=8, max_size=8)
TEXTS = st.one_of(
    st.binary(max_size=200),
    st.tuples(
        st.sampled_from([b"ERXUDP ", b"EVENT ", b"EINFO ", b"FAIL ", b"OK ", b"SKSENDTO ", b"  Pan ID:"]),
        st.text("0123456789ABCDEFabcdef: \xff", max_size=180).map(lambda text: text.encode("latin-1")),
    ).map(b"".join),
)


def expected(data: bytes, size: int) -> list[bytes]:
    whole = data.replace(b"\n", b"\r").split(b"\r")[:-1]
    return [line for line in whole if 0 < len(line) <= size]


@settings(max_examples=300)
@given(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"bcd", b"e" * 9]), max_size=60), st.integers(1, 20))
def test_lines_do_not_depend_on_the_pieces(parts: list[bytes], chunk: int) -> None:
    data = b"".join(parts)
    reader = LineReader(12)
    found = []
    for start in range(0, len(data), chunk):
        piece = data[start : start + chunk]
        at = reader.take(piece)
        while at >= 0:
            found.append(bytes(reader.line()))
            at = reader.take(piece, at)
    assert found == expected(data, 12)


@given(TEXTS)
def test_no_parser_raises_on_any_line(text: bytes) -> None:
    for d in (BP35A1, BP35C2):
        for parse in (d.parse_erxudp, d.parse_event, d.parse_einfo, d.parse_levels):
            parse(text)
            parse(memoryview(text))
        try:
            d.parse_sendto(text)
        except SkError as error:
            assert error.code in ("ER05", "ER06")
    for parse in (lines.parse_fail, lines.parse_ropt, lines.parse_esreg, parse_field):
        parse(text)


@given(
    DIALECTS,
    MACS,
    MACS,
    st.binary(max_size=1232),
    st.tuples(st.none() | st.integers(0, 255), st.integers(0, 1)),
)
def test_any_datagram_survives_the_line(dialect, sender, dest, data, link) -> None:
    lqi, sec = link
    source, target = lines.ll64(sender), lines.ll64(dest)
    got = dialect.parse_erxudp(dialect.erxudp(source, target, data, lqi=lqi, sec=sec)[:-2])
    assert (got.sender, got.dest, got.data, got.sec, got.lla) == (source, target, data, sec, sender)
    assert lines.mac_of(source) == sender


@given(
    DIALECTS, st.binary(min_size=16, max_size=16), st.binary(min_size=1, max_size=1232), st.integers(1, 65535)
)
def test_any_payload_survives_sendto(dialect, address, data, port) -> None:
    ip = ip_text(address)
    whole = dialect.sendto(1, ip, port, 2, data)
    head, size = dialect.parse_sendto(whole)
    assert whole[size : size + head.length] == data and (head.ip, head.port) == (ip, port)
    assert ip_bytes(ip) == address
