"""SPI, configuration and faults of the emulated ATM90E32AS (metering-ics.md 2.1, 2.2, 2.7)."""

import pytest
from keiki_host.bench.faults import Faults
from keiki_host.bench.ics.atm90e32_metering import crc16

from tests.host.atm90e32_wired import KILOWATT, Wired, counts

# -- SPI ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 2, 3, 5, 6, 8])
def test_only_frames_of_32_clocks_are_accesses(length: int) -> None:
    wired = Wired()
    wired.load(KILOWATT, 60)
    wired.read(0x33)
    data = (b"\x80\x81\x00\x00" * 2)[:length]
    assert len(wired.chip.transfer(0, data)) == length
    assert wired.read(0x78) == 0x0087
    assert wired.read(0x81) > 0


def test_the_address_has_ten_bits_and_the_five_above_are_ignored() -> None:
    wired = Wired()
    assert wired.frame(0x80330000) == wired.frame(0xFC330000) == 0x0087
    assert wired.frame(0x81330000) == 0


def test_last_spi_data_is_the_newest_value_read_or_written() -> None:
    wired = Wired()
    assert wired.read(0x33) == 0x0087
    assert wired.read(0x78) == wired.read(0x78) == 0x0087
    wired.write(0x33, 0x1234)  # locked: not taken, but it arrived
    assert wired.read(0x78) == 0x1234 and wired.read(0x33) == 0x0087


def test_energy_is_cleared_by_a_read_and_stands_in_last_spi_data() -> None:
    wired = Wired()
    wired.load(KILOWATT, 60)
    value = wired.read(0x81)
    assert value == int(counts(1000 / 60))
    assert wired.read(0x78) == value
    assert wired.read(0x81) == 0 and wired.read(0x83) == 0


def test_pm_pins_stop_measuring_and_in_idle_nobody_answers() -> None:
    wired = Wired()
    wired.load(KILOWATT, 60)
    wired.chip.pm = 1
    wired.wait(60)
    assert wired.read(0x81) == int(counts(1000 / 60))
    wired.chip.pm = 0
    assert wired.read(0x33) == 0xFFFF
    wired.chip.pm = 3
    wired.wait(60)
    assert wired.read(0x81) == pytest.approx(counts(1000 / 60), abs=1)


# -- configuration --------------------------------------------------------------------------------------


def test_reset_values_are_those_of_the_datasheet() -> None:
    wired = Wired(enable=False)
    wired.now_ms += 10
    table = {0x05: 0x143F, 0x06: 0xC000, 0x07: 1, 0x08: 0x1000, 0x09: 0x0400, 0x0C: 0x1324, 0x0D: 0x13EC}
    table |= {0x31: 0x0861, 0x32: 0xC468, 0x33: 0x0087, 0x61: 0x8000, 0x66: 0x8000, 0x6A: 0x8000}
    for register in range(0x70):
        if register in table:
            assert wired.read(register) == table[register], hex(register)
        elif register not in (0x0A, 0x0B, 0x62, 0x65, 0x69):
            assert wired.read(register) == 0, hex(register)


def test_configuration_is_locked_until_55aa_and_by_anything_else() -> None:
    wired = Wired()
    wired.write(0x33, 0x0085)
    assert wired.read(0x33) == 0x0087
    wired.write(0x7F, 0x55AA)
    wired.write(0x33, 0x0085)
    wired.write(0x7F, 0x55AB)
    wired.write(0x33, 0x0087)
    assert wired.read(0x33) == 0x0085


def test_soft_reset_needs_its_word_and_6_ms() -> None:
    wired = Wired()
    wired.load(KILOWATT, 60)
    wired.write(0x70, 0x789B)
    assert wired.read(0x00) == 1
    wired.write(0x70, 0x789A)
    wired.now_ms += 5
    assert wired.read(0x33) == 0xFFFF
    wired.now_ms += 1
    assert wired.read(0x33) == 0x0087
    assert [wired.read(register) for register in (0x00, 0x61, 0x81, 0xD9, 0xB1)] == [0, 0x8000, 0, 0, 0]


def test_crc_16_is_the_polynomial_of_the_datasheet() -> None:
    assert crc16(b"123456789") == 0x31C3
    assert crc16(bytes(224)) == 0


def test_the_crc_watches_the_configuration_since_the_lock() -> None:
    wired = Wired()
    assert wired.read(0x79) & 1 == 0
    digest = wired.read(0x7A)
    for register in (0x01, 0x31, 0x62, 0x6F):
        good = wired.read(register)
        wired.chip.corrupt(register, good ^ 0x0100)
        assert wired.read(0x79) & 1 and wired.read(0x7A) != digest
        wired.chip.corrupt(register, good)
        assert wired.read(0x79) & 1 == 0 and wired.read(0x7A) == digest
    wired.configure(0x62, 27963)
    assert wired.read(0x79) & 1 == 0 and wired.read(0x7A) != digest


def test_a_crc_error_can_be_forced_and_ends_with_the_next_lock() -> None:
    wired = Wired()
    wired.write(0x79, 0xAA55)
    assert wired.read(0x79) & 1
    wired.write(0x7F, 0)
    assert wired.read(0x79) & 1 == 0


# -- faults ---------------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_adds_nothing() -> None:
    wired = Wired()
    wired.load(KILOWATT, 60)
    wired.now_ms -= 30000
    assert wired.read(0x81) == int(counts(1000 / 60))
    wired.now_ms += 30000
    assert wired.read(0x81) == 0


def test_fault_ic_reset_restarts_the_chip() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    wired.load(KILOWATT, 60)
    faults.enable("ic_reset")
    wired.now_ms += 6
    assert (wired.read(0x00), wired.read(0x81), wired.read(0x62)) == (0, 0, 0x8000)


def test_fault_ic_silence_is_a_floating_line_and_a_chip_that_hears_nothing() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    wired.load(KILOWATT, 60)
    faults.enable("ic_silence", count=2)
    assert [wired.read(0x81) for _ in range(3)] == [0xFFFF, 0xFFFF, int(counts(1000 / 60))]


def test_fault_ic_counter_jump_is_booked_forward_on_a() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    faults.enable("ic_counter_jump", counts=777, count=1)
    assert [wired.read(register) for register in (0x83, 0x81, 0x78, 0x81)] == [0, 777, 777, 0]


@pytest.mark.parametrize(("kind", "arrives"), [("lost", False), ("slipped", False), ("garbled", True)])
def test_noise_on_the_wire(kind: str, arrives: bool) -> None:
    wired = Wired()
    wired.load(KILOWATT, 60)
    wired.read(0x33)
    true = int(counts(1000 / 60))
    wired.chip.wire.strike(kind)
    said = int.from_bytes(wired.chip.transfer(0, b"\x80\x81\x00\x00"), "big") & 0xFFFF
    assert said != true
    if kind == "garbled":
        assert (said ^ true).bit_count() == 1
    assert wired.read(0x78) == (true if arrives else 0x0087)
    assert wired.read(0x81) == (0 if arrives else true)


@pytest.mark.parametrize("stuck", [0, 1])
def test_a_stuck_line_says_one_thing_while_the_chip_hears(stuck: int) -> None:
    wired = Wired()
    wired.load(KILOWATT, 60)
    wired.chip.wire.stuck = stuck
    assert wired.chip.transfer(0, b"\x80\x81\x00\x00") == bytes([0xFF * stuck]) * 4
    wired.chip.wire.stuck = None
    assert wired.read(0x81) == 0


def test_noise_strikes_as_often_as_it_is_told() -> None:
    wired = Wired()
    wired.chip.wire.noise = {"garbled": 0.1}
    wrong = sum(wired.read(0x33) != 0x0087 for _ in range(5000))
    assert 400 < wrong < 600 and wrong == wired.chip.wire.struck["garbled"]


def test_fault_ic_garbage_is_noise_of_every_kind() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    faults.enable("ic_garbage")
    for _ in range(200):
        wired.chip.transfer(0, b"\x80\x33\x00\x00")
    assert min(wired.chip.wire.struck.values()) > 20
