"""The emulated ADE7953 starts, is set and answers on its buses as the datasheet says (metering-ics.md 1)."""

from dataclasses import replace

from keiki_host.bench.ics.ade7953_parts import FULL_POWER, FULL_RMS

from tests.host.ade7953_wired import FULL, Wired

# -- buses -----------------------------------------------------------------------------------------------


def test_widths_go_by_the_address_and_32_bits_are_the_same_registers_extended() -> None:
    wired = Wired(replace(FULL, export=True))
    wired.wait(1)
    assert wired.read(0x312) == wired.read(0x212) | 0xFF000000
    assert wired.read(0x31C) == wired.read(0x21C) == FULL_RMS
    wired.write(0x382, 0x00412345)
    assert wired.read(0x282) == 0x412345
    wired.write(0x289, 0x800000)
    assert wired.read(0x389) == 0xFF800000
    wired.write(0x28C, 0x800000)
    assert wired.read(0x38C) == 0x00800000


def test_a_frame_that_ends_early_does_nothing() -> None:
    wired = Wired()
    wired.wait(10)
    for length in range(1, 6):
        said = wired.chip.transfer(0, b"\x02\x1e\x80\0\0\0"[:length])
        assert said == b"\xff" * length
    assert wired.read(0x21E) > 2_000_000
    wired.chip.transfer(0, b"\x02\x82\x00\x41\x00")
    assert wired.read(0x282) == 0x400000


def test_only_the_highest_bit_of_the_third_byte_says_what_to_do() -> None:
    wired = Wired()
    assert wired.chip.transfer(0, b"\x01\x03\xff\0\0")[3:] == b"\x00\x3f"
    wired.chip.transfer(0, b"\x01\x03\x7f\x12\x34")
    assert wired.read(0x103) == 0x1234


def test_a_uart_packet_is_read_and_written_low_byte_first() -> None:
    wired = Wired(unlocked=False)
    assert wired.say(b"\x35\x01\x02") == b"\x04\x80"
    assert wired.say(b"\xca\x02\x82\x45\x23\x41") == b""
    assert wired.say(b"\x35\x02\x82") == b"\x45\x23\x41"
    assert wired.say(b"\x35\x03\x82") == b"\x45\x23\x41\x00"


def test_a_uart_wants_its_pauses() -> None:
    wired = Wired(unlocked=False)
    # bytes of a packet may be 4 ms apart
    assert wired.say(b"\x35") + wired.say(b"\x01", 4) == b""
    assert wired.say(b"\x03", 4) == b"\x3f\x00"
    # nothing is heard within 6 ms, and that begins anew
    assert wired.say(b"\x35\x01\x03", 5) == b""
    assert wired.say(b"\x35\x01\x03", 5) == b""
    assert wired.say(b"\x35\x01\x03", 6) == b"\x3f\x00"
    # a packet that stops half way is forgotten
    assert wired.say(b"\x35\x01") == b""
    assert wired.say(b"\x35\x01\x03", 5) == b"\x3f\x00"


def test_a_uart_write_of_the_wrong_length_or_with_another_first_byte_does_nothing() -> None:
    wired = Wired(unlocked=False)
    for data in (b"\xca\x01\x03\x11", b"\xca\x01\x03\x11\x22\x33", b"\xc9\x01\x03\x11\x22", b"\x34\x01\x03"):
        assert wired.say(data) == b""
        assert wired.say(b"\x35\x01\x03") == b"\x3f\x00"


def test_the_last_access_is_remembered_and_looking_is_none() -> None:
    wired = Wired()
    wired.write(0x103, 0x1234)
    assert [wired.read(at) for at in (0x0FD, 0x1FE, 0x1FF, 0x2FF, 0x0FF)] == [
        0xCA,
        0x103,
        0x1234,
        0x1234,
        0x34,
    ]
    wired.wait(1)
    energy = wired.read(0x21E)
    assert energy > 200_000
    assert [wired.read(at) for at in (0x0FD, 0x1FE, 0x2FF, 0x3FF)] == [0x35, 0x21E, energy, energy]


def test_a_locked_bus_stays_and_an_open_one_may_be_lost_to_a_glitch() -> None:
    wired = Wired(unlocked=False)
    assert wired.say(b"\x35\x01\x02") == b"\x04\x80" and wired.read(0x102) == 0x8004
    wired.write(0x102, 0x0004)
    assert wired.say(b"\x35\x01\x02") == b""
    wired.chip.glitch()
    assert wired.read(0x102) == 0x0004
    wired.chip.reset(0)
    wired.chip.glitch()
    assert wired.read(0x102) == 0xFFFF
    wired.chip.reset(0)
    assert wired.say(b"\xca\x01\x02\x04\x00") == b"" and wired.read(0x102) == 0xFFFF
    assert wired.say(b"\x35\x01\x02") == b"\x04\x00"


# -- start and settings ----------------------------------------------------------------------------------


def test_registers_have_their_reset_values() -> None:
    wired = Wired(unlocked=False)
    rows = {0x004: 0x40, 0x102: 0x8004, 0x103: 0x3F, 0x104: 0x3F, 0x107: 0x300, 0x100: 0xFFFF, 0x203: 0xE419}
    rows |= {0x204: 0xE419, 0x205: 0, 0x22C: 0x100000, 0x280: 0x400000, 0x28D: 0x400000, 0x290: 0x400000}
    rows |= {0x286: 0, 0x120: 0, 0x224: 0xFFFFFF, 0x37F: 0xFFFFFFFF, 0x040: 0, 0x108: 0}
    assert {register: wired.read(register) for register in rows} == rows


def test_a_chip_is_silent_for_66_ms_and_then_says_that_it_has_restarted() -> None:
    wired = Wired(up_ms=0, unlocked=False)
    assert wired.read(0x102) == 0xFFFF and wired.say(b"\x35\x01\x02") == b""
    wired.wait(0.058)
    assert wired.read(0x102) == 0xFFFF
    wired.wait(0.001)
    assert wired.read(0x102) == 0x8004
    assert wired.read(0x22D) & 1 << 20 and wired.read(0x22D) & 1 << 20
    assert wired.read(0x22E) & 1 << 20
    assert not wired.read(0x22D) & 1 << 20


def test_a_software_reset_forgets_everything() -> None:
    wired = Wired()
    wired.write(0x282, 0x410000)
    wired.write(0x102, 0x0004)
    wired.read(0x22E)
    wired.wait(5)
    wired.write(0x102, 0x0084)
    assert wired.read(0x102) == 0xFFFF
    wired.wait(0.066)
    assert [wired.read(at) for at in (0x1FE, 0x102, 0x282, 0x120, 0x21E)] == [0, 0x8004, 0x400000, 0, 0]
    assert wired.read(0x22D) & 1 << 20


def test_register_120_is_written_only_right_after_its_key() -> None:
    wired = Wired(unlocked=False)
    wired.write(0x120, 0x30)
    assert wired.read(0x120) == 0
    wired.write(0x0FE, 0xAD)
    wired.read(0x102)
    wired.write(0x120, 0x30)
    assert wired.read(0x120) == 0
    wired.write(0x0FE, 0xAC)
    wired.write(0x120, 0x30)
    assert wired.read(0x120) == 0
    wired.write(0x0FE, 0xAD)
    wired.write(0x120, 0x30)
    assert wired.read(0x120) == 0x30


def test_without_register_120_a_chip_measures_slightly_wrong() -> None:
    wired = Wired(unlocked=False)
    wired.wait(1)
    assert 1.002 < wired.read(0x21C) / FULL_RMS < 1.01
    assert 1.004 < wired.signed(0x212) / FULL_POWER < 1.02


def test_write_protection_is_by_width_and_never_of_itself() -> None:
    rows = ((0x001, 1, 1), (0x103, 2, 2), (0x282, 4, 3))
    for register, bit, value in rows:
        for protect in range(8):
            wired = Wired()
            wired.write(0x040, protect)
            before = wired.read(register)
            wired.write(register, value)
            assert wired.read(register) == (before if protect & bit else value)
            wired.write(0x040, 0)
            wired.write(register, value)
            assert wired.read(register) == value


def test_the_checksum_is_off_at_first_and_changes_with_every_setting() -> None:
    wired = Wired(unlocked=False)
    assert wired.read(0x37F) == 0xFFFFFFFF
    wired.write(0x102, 0x8104)
    # as documented for default settings; its reserved registers are made so that it is
    assert wired.read(0x37F) == 0x48739163
    seen = {0x48739163}
    for register in (0x004, 0x007, 0x040, 0x103, 0x108, 0x109, 0x201, 0x22F, 0x280, 0x289, 0x297):
        before = wired.read(register)
        wired.write(register, before ^ 1)
        seen.add(wired.read(0x37F))
        wired.write(register, before)
        assert wired.read(0x37F) == 0x48739163
    assert len(seen) == 12


def test_the_checksum_does_not_depend_on_the_load() -> None:
    wired = Wired()
    wired.write(0x102, 0x8104)
    before = wired.read(0x37F)
    wired.be(replace(FULL, export=True))
    wired.wait(10)
    assert wired.read(0x201) >> 10 & 1 and wired.read(0x37F) == before


def test_a_changed_checksum_is_an_interrupt() -> None:
    wired = Wired()
    wired.write(0x102, 0x8104)
    wired.write(0x22C, 0x300000)
    wired.read(0x22E)
    assert not wired.read(0x22D) & 1 << 21
    wired.chip.corrupt(0x282, 0x400010)
    assert wired.read(0x22D) & 1 << 21
