"""Lines out of bytes, whatever the size of the pieces."""

from keiki.wire.sk import lines
from keiki.wire.sk.lines import LineReader


def read(reader, data, chunk):
    found = []
    for start in range(0, len(data), chunk):
        piece = data[start : start + chunk]
        at = reader.take(piece)
        while at >= 0:
            found.append(bytes(reader.line()))
            at = reader.take(piece, at)
    return found


def test_either_end_ends_a_line_and_empty_lines_are_nothing():
    data = b"\r\n\r\nOK\r\nOK 01\rEVENT\n\n\rSKINFO\r\n"
    for chunk in range(1, len(data) + 1):
        assert read(LineReader(), data, chunk) == [b"OK", b"OK 01", b"EVENT", b"SKINFO"]
        assert read(LineReader(), bytearray(data), chunk) == [b"OK", b"OK 01", b"EVENT", b"SKINFO"]


def test_an_unfinished_line_is_kept_and_reset_forgets_it():
    reader = LineReader()
    assert read(reader, b"OK\r\nFAI", 100) == [b"OK"]
    assert read(reader, b"L ER04\r\n", 100) == [b"FAIL ER04"]
    read(reader, b"half", 100)
    reader.reset()
    assert read(reader, b"OK\r", 1) == [b"OK"]


def test_an_overlong_line_is_dropped_and_counted_and_the_next_one_is_read():
    data = b"x" * 11 + b"\r\nOK\r\n" + b"y" * 10 + b"\r" + b"z" * 500 + b"\nEND\r\n"
    for chunk in (1, 3, 7, 1000):
        reader = LineReader(10)
        assert read(reader, data, chunk) == [b"OK", b"y" * 10, b"END"]
        assert reader.dropped == 2


def test_the_longest_datagram_fits():
    line = b"E" * (132 + 2 * 1232)
    assert read(LineReader(), line + b"\r\n", 512) == [line]


def test_hex_is_strict_about_digits_and_length():
    assert lines.parse_hex(b"0e1A", 4) == 0x0E1A
    for bad in (b"", b"00000", b"0x1A", b"+1", b"1_0", b" 1", b"G", b"\xb2"):
        assert lines.parse_hex(bad, 4) is None, bad
    assert lines.parse_mac(b"001D129012345678") == bytes([0, 0x1D, 0x12, 0x90, 0x12, 0x34, 0x56, 0x78])
    assert lines.parse_mac(b"001D12901234567") is None


def test_refusals_options_and_register_values():
    assert lines.parse_fail(b"FAIL ER05") == "ER05" and lines.parse_fail(memoryview(b"FAIL ER10 ")) == "ER10"
    for bad in (b"", b"FAIL", b"FAIL ER5", b"FAIL XX05", b"FAIL ERxx", b"OK"):
        assert lines.parse_fail(bad) is None
    assert lines.parse_ropt(b"OK 01") == 1 and lines.parse_ropt(b"OK 00") == 0
    assert lines.parse_ropt(b"OK") is None and lines.parse_ropt(b"OK zz") is None
    assert lines.parse_esreg(b"ESREG 8888") == "8888" and lines.parse_esreg(b"ESREG \xff") is None
    assert lines.fail("ER09") == b"FAIL ER09\r\n" and lines.product("OK", "01") == b"OK 01\r"
    assert lines.command("SKSREG", "S2", "21") == b"SKSREG S2 21\r\n"
