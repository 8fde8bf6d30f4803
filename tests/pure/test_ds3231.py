"""The DS3231 driver, against 19 registers that hold what was written."""

from check import raises
from keiki.drivers.ds3231 import ADDRESS, MARK, Ds3231
from keiki.wire.slots import utc_from_jst

GOOD = bytes.fromhex("56341203010726") + MARK + bytes(3) + b"\x04\x00" + bytes(3)
"""2026-07-01 12:34:56 UTC, a Wednesday, set by the driver and running."""
GOOD_S = utc_from_jst(2026, 7, 1, 21, 34, 56)


class Chip:
    """Registers behind an I2C bus; `silent` after so many transfers."""

    def __init__(self, registers=GOOD, transfers=1000):
        self.registers = bytearray(registers)
        self.transfers = transfers

    def _transfer(self, address):
        self.transfers -= 1
        if address != ADDRESS or self.transfers < 0:
            raise OSError(19)

    def readfrom_mem_into(self, address, register, buffer):
        self._transfer(address)
        buffer[:] = self.registers[register : register + len(buffer)]

    def writeto_mem(self, address, register, data):
        self._transfer(address)
        self.registers[register : register + len(data)] = data


def changed(**registers):
    chip = Chip()
    for name, value in registers.items():
        chip.registers[int(name[1:], 16)] = value
    return chip


def test_a_chip_set_by_the_driver_and_running_is_trusted():
    rtc = Ds3231(Chip())
    assert rtc.read_utc_s() == GOOD_S and rtc.fault == ""


def test_what_is_written_is_read_and_is_bcd():
    for utc_s in (
        946684800,  # 2000-01-01
        utc_from_jst(2028, 2, 29, 12, 0, 0),
        utc_from_jst(2027, 1, 1, 8, 59, 59),
        utc_from_jst(2027, 1, 1, 9, 0, 0),
        4102444799,  # 2099-12-31 23:59:59
    ):
        chip = Chip(bytes(19))
        rtc = Ds3231(chip)
        assert rtc.write_utc_s(utc_s)
        assert rtc.read_utc_s() == utc_s and rtc.fault == ""
    chip = Chip(bytes(19))
    assert Ds3231(chip).write_utc_s(GOOD_S)
    assert bytes(chip.registers) == GOOD


def test_years_that_the_chip_cannot_hold_are_not_written():
    chip = Chip()
    for utc_s in (946684799, 4102444800, -1):
        raises(ValueError, Ds3231(chip).write_utc_s, utc_s)
    assert bytes(chip.registers) == GOOD


def test_a_chip_whose_oscillator_stopped_is_not_trusted_until_it_is_set():
    for chip in (changed(r0F=0x80), changed(r0F=0x88), changed(r0E=0x84)):
        rtc = Ds3231(chip)
        assert rtc.read_utc_s() is None and rtc.fault == "stopped"
        assert rtc.write_utc_s(GOOD_S + 5)
        assert rtc.read_utc_s() == GOOD_S + 5 and rtc.fault == ""


def test_a_chip_that_somebody_else_set_is_not_trusted():
    for register in (0x07, 0x08, 0x09, 0x0A):
        chip = Chip()
        chip.registers[register] ^= 1
        rtc = Ds3231(chip)
        assert rtc.read_utc_s() is None and rtc.fault == "foreign"


def test_what_is_no_date_is_not_trusted():
    for registers in (
        {"r00": 0x5A},
        {"r00": 0x60},
        {"r00": 0xD6},
        {"r01": 0x60},
        {"r01": 0x1F},
        {"r02": 0x24},
        {"r02": 0x52},  # 12-hour form: this driver never writes it
        {"r04": 0x00},
        {"r04": 0x32},
        {"r04": 0x1A},
        {"r05": 0x00},
        {"r05": 0x13},
        {"r05": 0x87},  # the century after
        {"r05": 0x06, "r04": 0x31},
        {"r05": 0x02, "r04": 0x29},
        {"r06": 0xA0},
        {"r06": 0x0A},
    ):
        rtc = Ds3231(changed(**registers))
        assert rtc.read_utc_s() is None and rtc.fault == "garbled", registers


def test_every_byte_of_the_date_that_is_no_bcd_is_found():
    for register in (0, 1, 2, 4, 5, 6):
        for value in range(256):
            if value & 0x0F > 9 or value >> 4 > 9:
                chip = Chip()
                chip.registers[register] = value
                assert Ds3231(chip).read_utc_s() is None


def test_a_bus_on_which_nobody_answers_is_a_fault_and_no_error():
    rtc = Ds3231(Chip(transfers=0))
    assert rtc.read_utc_s() is None and rtc.fault == "silent"
    assert not rtc.write_utc_s(GOOD_S) and rtc.fault == "silent"
    assert Ds3231(Chip(), address=0x57).read_utc_s() is None


def test_power_lost_while_a_stopped_chip_is_set_leaves_it_untrusted():
    for transfers in range(3):
        chip = Chip(GOOD[:15] + b"\x88" + GOOD[16:], transfers)
        assert not Ds3231(chip).write_utc_s(GOOD_S + 100)
        chip.transfers = 10
        assert Ds3231(chip).read_utc_s() is None
