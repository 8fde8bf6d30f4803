"""COSEM date-times: instants there and back, deviations, wildcards, times that do not exist."""

from check import raises
from keiki.wire.cosem import datetime12
from keiki.wire.cosem.axdr import FrameError
from keiki.wire.slots import utc_from_jst

CASES = [
    # in Japan, status, bytes
    ((2026, 1, 1, 0, 0, 0), 0, "07EA0101 04 000000 00 FDE4 00"),
    ((2026, 3, 1, 12, 30, 59), 2, "07EA0301 07 0C1E3B 00 FDE4 02"),
    ((2028, 2, 29, 23, 59, 59), 0x81, "07EC021D 02 173B3B 00 FDE4 81"),
    ((1970, 1, 1, 9, 0, 0), 0, "07B20101 04 090000 00 FDE4 00"),
    ((2099, 12, 31, 0, 0, 1), 0, "0833 0C1F 04 000001 00 FDE4 00"),
]


def raw(text):
    return bytes.fromhex(text.replace(" ", ""))


def test_every_case_packs_and_unpacks():
    for when, status, text in CASES:
        utc_s = utc_from_jst(*when)
        assert datetime12.pack(utc_s, status) == raw(text), text
        assert datetime12.unpack(raw(text)) == (utc_s + 32400, -540, status)
        assert datetime12.instant(raw(text)) == utc_s
        buffer = bytearray(b"\xaa" * 16)
        datetime12.pack_into(buffer, 2, utc_s, status)
        assert buffer == b"\xaa\xaa" + raw(text) + b"\xaa\xaa"


def test_a_day_packed_after_another_one_is_right():
    first = utc_from_jst(2026, 1, 1)
    for step in (0, 86399, 86400, 86401, 0, -1, 5000 * 86400):
        assert datetime12.instant(datetime12.pack(first + step)) == first + step


def test_every_other_length_is_rejected():
    data = raw(CASES[0][2])
    for size in (0, 1, 5, 11, 13, 20):
        raises(FrameError, datetime12.unpack, (data * 2)[:size])


def test_unspecified_seconds_and_hundredths_are_zero_and_the_day_of_week_does_not_matter():
    utc_s = utc_from_jst(2026, 3, 1, 12, 30)
    for text in ("07EA0301FF0C1EFFFFFDE400", "07EA0301010C1E00FFFDE4FF", "07EA0301070C1E0063FDE400"):
        assert datetime12.instant(raw(text)) == utc_s


def test_wholly_unspecified_is_no_time():
    assert datetime12.instant(datetime12.UNSPECIFIED) is None
    assert datetime12.instant(raw("FFFFFFFFFFFFFFFFFFFDE400")) is None


def test_a_wildcard_or_a_time_that_does_not_exist_is_rejected():
    for text in (
        "FFFF0301FF0C1E0000FDE400", "07EAFF01FF0C1E0000FDE400", "07EA03FFFF0C1E0000FDE400",
        "07EA0301FFFF1E0000FDE400", "07EA0301FF0CFF0000FDE400", "07EA03FEFF0C1E0000FDE400",
        "07EAFE01FF0C1E0000FDE400", "07EA0301FF180000 00FDE400", "07EA0301FF003C0000FDE400",
        "07EA0301FF00003C00FDE400", "07EA021DFF000000 00FDE400", "07EA0D01FF00000000FDE400",
        "07EA0300FF00000000FDE400", "07EA0301FF00000064FDE400", "00000301FF00000000FDE400",
        "27100101FF00000000FDE400",
    ):  # fmt: skip
        raises(FrameError, datetime12.instant, raw(text))


def test_a_deviation_makes_an_instant_and_none_means_japan():
    utc_s = utc_from_jst(2026, 8, 10)
    for deviation, expected in (
        ("FDE4", utc_s),
        ("8000", utc_s),
        ("0000", utc_s + 9 * 3600),  # a host whose zone is UTC
        ("FFC4", utc_s + 8 * 3600),  # and one in Berlin
        ("7FFF", utc_s),  # no place on earth
        ("FCA0", utc_s),
    ):
        assert datetime12.instant(raw("07EA080AFF00000000" + deviation + "00")) == expected, deviation


def test_a_deviation_that_is_not_trusted_is_that_of_japan():
    utc_s = utc_from_jst(2026, 8, 10)
    for deviation in ("FDE4", "8000", "0000", "FFC4", "7FFF"):
        assert datetime12.instant(raw("07EA080AFF00000000" + deviation + "00"), False) == utc_s
