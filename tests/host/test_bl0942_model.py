"""The emulated BL0942 does what the datasheet says (metering-ics.md 3), asked without the driver."""

import pytest
from keiki_host.bench.faults import Faults
from keiki_host.bench.ics.bl0942 import CF_LSB_MS, Bl0942Bus, Bl0942Model, Errors, Parts
from keiki_host.bench.timeline import Piece


class Wired:
    """A phase whose power a test sets, the chip on it, and what it says."""

    def __init__(self, address: int = 0, faults: Faults | None = None, errors: Errors | None = None) -> None:
        self.frequency_hz = 50.0
        self.p, self.v, self.i = 0.0, 100.0, 0.0
        self.now_ms = 1_000_000
        self.said: list[bytes] = []
        self.chip = Bl0942Model(
            address, lambda: self.now_ms, self, self.said.append, faults or Faults(), errors or Errors()
        )

    def pieces(self, t0_ms: int, t1_ms: int) -> list[Piece]:
        return [(t1_ms - t0_ms, self.p, self.v, self.i)]

    def load(self, power_w: float, seconds: float = 1, pf: float = 1.0) -> None:
        self.chip.advance()
        self.p, self.i = power_w, abs(power_w) / 100 / pf
        self.now_ms += round(seconds * 1000)
        self.chip.advance()

    def ask(self, data: bytes) -> bytes | None:
        self.said.clear()
        self.chip.receive(data)
        assert len(self.said) <= 1
        return self.said[0] if self.said else None

    def read(self, register: int) -> int:
        answer = self.ask(bytes((0x58, register)))
        assert answer is not None and len(answer) == 4
        assert answer[3] == ~(0x58 + register + sum(answer[:3])) & 0xFF
        return int.from_bytes(answer[:3], "little")

    def write(self, register: int, value: int) -> None:
        frame = bytes((0xA8, register)) + value.to_bytes(3, "little")
        assert self.ask(frame + bytes((~sum(frame) & 0xFF,))) is None

    def packet(self) -> bytes:
        answer = self.ask(b"\x58\xaa")
        assert answer is not None and len(answer) == 23
        assert answer[22] == ~(0x58 + sum(answer[:22])) & 0xFF
        return answer


def u24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def test_board_constants_are_those_of_the_example() -> None:
    parts = Parts()
    assert round(parts.lsb_per_a) == 251213
    assert round(parts.lsb_per_v) == 15883
    assert round(parts.lsb_per_w, 1) == 623.4
    assert round(CF_LSB_MS / 1000 / parts.lsb_per_w, 1) == 672.8
    assert round(parts.range_a, 1) == 29.7


def test_half_the_shunt_is_half_the_current_and_power_and_twice_the_range() -> None:
    whole, half = Parts(), Parts(shunt_uohm=500)
    assert half.lsb_per_a * 2 == pytest.approx(whole.lsb_per_a)
    assert half.lsb_per_w * 2 == pytest.approx(whole.lsb_per_w)
    assert half.lsb_per_v == whole.lsb_per_v
    assert half.range_a == pytest.approx(2 * whole.range_a)


def test_the_application_notes_example_220_v_1_a() -> None:
    wired = Wired()
    wired.v, wired.p, wired.i = 220.0, 220.0, 1.0
    wired.now_ms += 1000
    wired.chip.advance()
    assert wired.read(0x04) == pytest.approx(3494335, rel=1e-6)
    assert wired.read(0x06) == pytest.approx(137146, rel=1e-4)


def test_the_packet_holds_what_the_registers_hold() -> None:
    wired = Wired()
    wired.load(-500, 100)
    packet = wired.packet()
    assert packet[0] == 0x55 and packet[18] == packet[21] == 0
    for at, register in ((1, 3), (4, 4), (7, 5), (10, 6), (13, 7)):
        assert u24(packet, at) == wired.read(register), register
    assert packet[16:18] == b"\x20\x4e" and wired.read(0x08) == 0x4E20
    assert u24(packet, 10) == (1 << 24) - round(500 * Parts().lsb_per_w)
    assert packet[19] == 0x01 and wired.read(0x09) == 0x01


def test_status_9_8_stand_in_byte_20_as_captured() -> None:
    wired = Wired()
    wired.load(14, 1)
    assert wired.packet()[19:21] == b"\x00\x01"


def test_a_count_is_one_pulse_period() -> None:
    wired = Wired()
    wired.load(1000, 1800)
    assert wired.read(0x07) == int(1000 * 1800 * 1000 * Parts().lsb_per_w / CF_LSB_MS)


def test_counts_do_not_depend_on_how_often_the_chip_is_asked() -> None:
    often, rarely = Wired(), Wired()
    for _ in range(9000):
        often.load(777, 0.1)
    rarely.load(777, 900)
    assert often.chip.cf_cnt == rarely.chip.cf_cnt


def test_absolute_mode_counts_both_directions_up() -> None:
    wired = Wired()
    wired.load(2000, 600)
    there = wired.read(0x07)
    wired.load(-2000, 600)
    assert wired.read(0x07) in (2 * there, 2 * there + 1)


def test_algebraic_mode_counts_back() -> None:
    wired = Wired()
    wired.write(0x1D, 0x55)
    wired.write(0x19, 0x07)
    wired.load(2000, 600)
    wired.load(-2000, 600)
    assert wired.read(0x07) in (0, 0xFFFFFF)


def test_the_counter_wraps_at_24_bits() -> None:
    wired = Wired()
    wired.chip.cf_cnt = 0xFFFFFF
    wired.load(1000, 0.7)
    assert wired.chip.cf_cnt == 0


def test_clear_on_read_and_counter_disable() -> None:
    wired = Wired()
    wired.write(0x1D, 0x55)
    wired.write(0x19, 0x87 | 0x40)
    wired.load(1000, 60)
    assert wired.read(0x07) == 89 and wired.read(0x07) == 0
    wired.write(0x19, 0x83)
    wired.load(1000, 60)
    assert wired.read(0x07) == 0


def test_readings_are_refreshed_every_400_or_800_ms() -> None:
    wired = Wired()
    assert wired.read(0x04) == wired.read(0x06) == 0
    wired.load(1000, 0.399)
    assert wired.read(0x06) == 0
    wired.load(1000, 0.001)
    watt = wired.read(0x06)
    assert watt == round(1000 * Parts().lsb_per_w)
    wired.load(0, 0.399)
    assert wired.read(0x06) == watt
    wired.load(0, 0.001)
    assert wired.read(0x06) == 0
    slow = Wired()
    slow.write(0x1D, 0x55)
    slow.write(0x19, 0x87 | 0x08)
    slow.load(1000, 0.799)
    assert slow.read(0x06) == 0
    slow.load(1000, 0.001)
    assert slow.read(0x06) == watt


def test_a_reading_is_the_mean_of_its_window() -> None:
    wired = Wired()
    wired.now_ms += 400
    wired.load(1000, 0)
    chip = wired.chip
    halves = [(200, 1000.0, 100.0, 10.0), (200, 0.0, 100.0, 0.0)]
    wired.pieces = lambda t0, t1: halves
    wired.now_ms += 400
    chip.advance()
    assert wired.read(0x06) == round(500 * Parts().lsb_per_w)
    assert wired.read(0x03) == round(10 * 0.5**0.5 * Parts().lsb_per_a)


def test_below_creep_the_chip_measures_and_counts_nothing() -> None:
    wired = Wired()
    limit_w = 0x0B * 3125 / 256 / Parts().lsb_per_w
    wired.load(limit_w * 0.99, 36000)
    packet = wired.packet()
    assert u24(packet, 1) == u24(packet, 10) == u24(packet, 13) == 0
    assert packet[19] & 0x02
    wired.load(limit_w * 1.01, 36000)
    packet = wired.packet()
    assert u24(packet, 1) and u24(packet, 10) and u24(packet, 13)
    assert not packet[19] & 0x02


def test_registers_are_protected_until_unlocked() -> None:
    wired = Wired()
    for register in (0x12, 0x14, 0x19, 0x1A):
        before = wired.read(register)
        wired.write(register, 0)
        assert wired.read(register) == before
    wired.write(0x1D, 0x55)
    wired.write(0x19, 0x97)
    assert wired.read(0x19) == 0x97
    wired.write(0x1D, 0)
    wired.write(0x19, 0x87)
    assert wired.read(0x19) == 0x97


def test_a_write_with_a_wrong_checksum_is_ignored() -> None:
    wired = Wired()
    assert wired.ask(b"\xa8\x1d\x55\x00\x00\xe4") is None
    assert wired.read(0x1D) == 0
    assert wired.ask(b"\xa8\x1d\x55\x00\x00\xe5") is None
    assert wired.read(0x1D) == 0x55


def test_soft_reset_needs_its_word_and_clears_everything() -> None:
    wired = Wired()
    wired.write(0x1D, 0x55)
    wired.write(0x19, 0x97)
    wired.load(1000, 60)
    wired.write(0x1C, 0x5A5A5B)
    assert wired.read(0x07) == 89
    wired.write(0x1C, 0x5A5A5A)
    assert [wired.read(register) for register in (0x03, 0x06, 0x07, 0x19, 0x1D)] == [0, 0, 0, 0x87, 0]


def test_gain_scales_current_and_power() -> None:
    wired = Wired()
    wired.write(0x1D, 0x55)
    wired.write(0x1A, 1)
    wired.load(1000, 1)
    assert wired.read(0x06) == round(1000 * Parts().lsb_per_w / 4)


def test_current_beyond_the_range_is_clipped() -> None:
    wired = Wired()
    wired.load(6000, 1)
    assert wired.read(0x03) == round(Parts().range_a * Parts().lsb_per_a)


def test_errors_of_the_board_show_in_the_readings() -> None:
    wired = Wired(errors=Errors(gain_v=0.01, gain_i=-0.02, gain_w=0.03, offset_w_lsb=100))
    wired.load(1000, 1)
    assert wired.read(0x04) == round(100 * 1.01 * Parts().lsb_per_v)
    assert wired.read(0x03) == round(10 * 0.98 * Parts().lsb_per_a)
    assert wired.read(0x06) == round(1000 * 1.03 * Parts().lsb_per_w + 100)


def test_bytes_may_dribble_but_a_gap_of_17_ms_ends_a_frame() -> None:
    wired = Wired()
    assert wired.ask(b"\x58") is None
    wired.now_ms += 16
    assert wired.ask(b"\x19") == b"\x87\x00\x00\x07"
    assert wired.ask(b"\x58") is None
    wired.now_ms += 17
    assert wired.ask(b"\x19") is None
    assert wired.ask(b"\x58\x19") is not None


def test_junk_and_a_long_zero_end_in_a_chip_that_listens() -> None:
    wired = Wired()
    assert wired.ask(bytes(range(0x50)) + b"\xff\x00") is None
    assert wired.ask(b"\xa8\x00\x00\x00\x00\x00\x58\x19") is not None


def test_only_the_chip_that_is_meant_answers() -> None:
    wired = Wired()
    said: list[bytes] = []
    bus = Bl0942Bus(lambda: wired.now_ms, [wired, wired], said.append)
    bus.receive(b"\x58\xaa")
    bus.receive(b"\x59\xaa")
    bus.receive(b"\x5a\xaa\x5b\xaa")
    assert [~(head + sum(data[:22])) & 0xFF for head, data in zip((0x58, 0x59), said, strict=True)] == [
        data[22] for data in said
    ]


def test_a_clock_that_goes_back_adds_nothing() -> None:
    wired = Wired()
    wired.load(1000, 60)
    wired.now_ms -= 30000
    assert wired.read(0x07) == 89
    wired.now_ms += 30000
    assert wired.read(0x07) == 89


def test_fault_ic_reset_restarts_the_chip() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    wired.write(0x1D, 0x55)
    wired.write(0x19, 0x97)
    wired.load(1000, 60)
    faults.enable("ic_reset")
    assert wired.read(0x19) == 0x87 and wired.read(0x07) == 0
    wired.load(1000, 60)
    assert wired.read(0x07) == 89


def test_fault_ic_silence_and_ic_counter_jump() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    faults.enable("ic_silence", count=2)
    assert [wired.ask(b"\x58\xaa") is None for _ in range(3)] == [True, True, False]
    faults.enable("ic_counter_jump", counts=77, count=1)
    assert [u24(wired.packet(), 13) for _ in range(2)] == [77, 77]


def test_fault_ic_garbage_never_says_the_plain_answer() -> None:
    faults = Faults()
    wired = Wired(faults=faults)
    wired.load(1000, 1)
    plain = wired.packet()
    faults.enable("ic_garbage")
    noisy = [wired.ask(b"\x58\xaa") for _ in range(200)]
    assert plain not in noisy and None not in noisy and len(set(noisy)) > 100
    faults.disable("ic_garbage")
    assert wired.packet() == plain
