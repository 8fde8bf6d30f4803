"""The ADE7953's frames and the arithmetic of its registers (metering-ics.md 1)."""

from check import raises
from keiki.drivers import metering_ade7953_transports as transports
from keiki.drivers.calibration import KEYS
from keiki.drivers.metering_ade7953_energy import Channel, signed
from keiki.drivers.metering_ade7953_registers import (
    Scale,
    build_table,
    no_load,
    phase_steps,
    sign_magnitude,
)
from keiki.drivers.metering_ade7953_transports import Link, Spi, Uart, width
from metering_line import finish

SCALE = {"lsb_per_v_x1000": 25521000, "lsb_per_a_x1000": 127735000, "lsb_per_w_x1000": 194300}
DATA = {"scale": SCALE}


class Wire:
    """An SPI that says what it is told, and keeps what it gets."""

    def __init__(self, said=b"\xff" * 7):
        self.said = said
        self.sent = []

    def transfer(self, tx, rx):
        assert len(tx) == len(rx)
        self.sent.append(bytes(tx))
        rx[:] = self.said[: len(rx)]


class Silence(Exception):
    pass


class Serial:
    """Both streams of a UART, and asyncio: reads give `chunk` bytes, waits only count."""

    class TimeoutError(Exception):
        pass

    def __init__(self, said=b"", chunk=7):
        self.said = said
        self.chunk = chunk
        self.sent = []
        self.waited_ms = []
        transports.asyncio = self

    def write(self, data):
        self.sent.append(bytes(data))

    async def drain(self):
        pass

    async def readinto(self, view):
        if not self.said:
            raise Silence
        count = min(len(view), self.chunk, len(self.said))
        view[:count] = self.said[:count]
        self.said = self.said[count:]
        return count

    async def sleep_ms(self, ms):
        self.waited_ms.append(ms)

    async def wait_for_ms(self, coroutine, ms):
        try:
            return await coroutine
        except Silence:
            raise self.TimeoutError from None


def test_the_width_goes_by_the_address():
    widths = {
        0x004: 1,
        0x0FF: 1,
        0x102: 2,
        0x1FF: 2,
        0x21E: 3,
        0x2FF: 3,
        0x31E: 4,
        0x37F: 4,
        0x702: 1,
        0x800: 1,
    }
    for register, count in widths.items():
        assert width(register) == count


def test_an_spi_frame_is_address_direction_and_data_high_byte_first():
    wire = Wire(b"\x00\x00\x00\x12\x34\x56\x78")
    spi = Spi(wire)
    assert finish(spi.read(0x702)) == 0x12
    assert finish(spi.read(0x102)) == 0x1234
    assert finish(spi.read(0x21E)) == 0x123456
    assert finish(spi.read(0x37F)) == 0x12345678
    assert wire.sent == [
        b"\x07\x02\x80\x00",
        b"\x01\x02\x80\x00\x00",
        b"\x02\x1e\x80\x00\x00\x00",
        b"\x03\x7f\x80\x00\x00\x00\x00",
    ]
    wire.sent = []
    finish(spi.write(0x0FE, 0xAD))
    finish(spi.write(0x120, 0x30))
    finish(spi.write(0x282, 0x4000FF))
    finish(spi.write(0x382, 0x4000FF))
    assert wire.sent == [
        b"\x00\xfe\x00\xad",
        b"\x01\x20\x00\x00\x30",
        b"\x02\x82\x00\x40\x00\xff",
        b"\x03\x82\x00\x00\x40\x00\xff",
    ]


def test_a_uart_packet_has_its_data_low_byte_first_and_a_pause_before_it():
    for chunk in (1, 2, 7):
        serial = Serial(b"\x56\x34\x12", chunk)
        uart = Uart(serial, serial)
        assert finish(uart.read(0x21E)) == 0x123456
        assert serial.sent == [b"\x35\x02\x1e"] and serial.waited_ms == [7]
        finish(uart.write(0x102, 0x0104))
        assert serial.sent[1] == b"\xca\x01\x02\x04\x01"
        finish(uart.write(0x282, 0x4000FF))
        assert serial.sent[2] == b"\xca\x02\x82\xff\x00\x40" and serial.waited_ms == [7, 7, 7]


def test_a_short_answer_is_none_and_settling_empties_the_line():
    serial = Serial(b"\x56\x34")
    uart = Uart(serial, serial)
    assert finish(uart.read(0x21E)) is None
    serial.said = bytes(50)
    finish(uart.settle())
    assert not serial.said


class Said:
    """A transport with a list of answers; keeps what was asked."""

    def __init__(self, *said):
        self.said = list(said)
        self.asked = []
        self.written = []
        self.settled = 0

    async def read(self, register):
        self.asked.append(register)
        return self.said.pop(0)

    async def confirmed(self, register):
        value = await self.read(register)
        if value is None or await self.read(0x2FF) != value:
            return None
        return value if await self.read(0x1FE) == register else None

    async def write(self, register, value):
        self.written.append((register, value))

    async def settle(self):
        self.settled += 1


def reading(*said):
    transport, stats = Said(*said), {"missed": 0}
    value = finish(Link(transport, stats).read(0x21E))
    assert not transport.said
    return value, stats["missed"], transport


def test_a_read_is_right_if_value_echo_and_address_agree():
    value, missed, transport = reading(77, 77, 0x21E)
    assert (value, missed) == (77, 0) and transport.asked == [0x21E, 0x2FF, 0x1FE]
    # garbled answer, garbled echo, other register, silence: once more
    for bad in ((78, 77), (77, 76), (77, 77, 0x21F), (None,), (77, None), (77, 77, None)):
        value, missed, transport = reading(*bad, 79, 79, 0x21E)
        assert (value, missed, transport.settled) == (79, 1, 1)


def test_a_dead_line_is_none_after_three_attempts():
    for level in (0, 0xFFFFFF):
        echo = (level, level, level & 0xFFFF)
        value, missed, _ = reading(*(echo * 3))
        assert value is None and missed == 3
    value, missed, _ = reading(None, None, None)
    assert value is None and missed == 3


def writing(*said):
    transport, stats = Said(0x55, 0x55, 0x004, *said), {"missed": 0}
    link = Link(transport, stats)
    assert finish(link.read(0x004)) == 0x55
    good = finish(link.write(0x108, 5))
    assert not transport.said
    return good, len(transport.written), stats["missed"]


def test_a_write_that_was_lost_is_repeated_and_one_that_went_astray_is_told():
    assert writing(0x108, 0x108) == (True, 1, 0)
    assert writing(0x004, 0x004, 0x108, 0x108) == (True, 2, 1)
    assert writing(0x10A, 0x10A) == (False, 1, 1)
    # a garbled address is asked for until it is said twice
    assert writing(0x10A, 0x108, 0x108) == (True, 1, 0)
    assert writing(None, None, None, None) == (False, 1, 1)


def test_counts_have_the_size_that_full_scale_gives():
    # 30 kW at full scale: 206900 counts/s of 0.145 J each
    scale = Scale({"scale": dict(SCALE, lsb_per_w_x1000=4862401 // 30)}, 0)
    assert abs(206900 * 3600 * scale.wh_x1000 / scale.wh_divisor / 30000000 - 1) < 1e-4
    assert abs(206900 * scale.mwms / scale.mwms_divisor / 30000000000 - 1) < 1e-4


def test_no_load_is_the_datasheets_value_for_ten_thousand_to_one():
    # 58393 = E419h; power-LSB x 1000 of full scale / 10000
    assert no_load(1000, 486240) == 65536 - 7143
    assert no_load(500, 194300) == 65536 - 35751
    assert no_load(1, 1) == 0
    assert no_load(10**9, 194300) == 65535


def test_phase_steps_are_four_clocks_and_the_rest_is_less_than_half_of_one():
    assert phase_steps(0) == (0, 0)
    for mdeg in range(-7690, 7690, 7):
        steps, rest_ns = phase_steps(mdeg)
        assert abs(steps * 4000000 + rest_ns * 3580 - mdeg * 500 * 3580 // 9) < 3600, mdeg
        assert abs(rest_ns) <= 559
    assert phase_steps(7702)[0] == 383 and phase_steps(-7702)[0] == -383
    raises(ValueError, phase_steps, 7720)
    raises(ValueError, phase_steps, -7720)


def test_phcal_is_sign_and_magnitude_and_the_sign_advances():
    assert [sign_magnitude(n) for n in (0, 1, 383, -1, -383)] == [0, 1, 0x17F, 0x201, 0x37F]


def table(data=None, **calibration):
    values = [calibration.get(key, 0) for key in KEYS]
    data = data or DATA
    return dict(build_table(data, [Scale(data, 0)], [values]))


def test_without_calibration_gains_are_one_and_energy_is_not_cleared_by_reading():
    rows = table()
    assert [rows[at] for at in (0x280, 0x282, 0x283, 0x284)] == [0x400000] * 4
    assert (rows[0x289], rows[0x108]) == (0, 0)
    assert (rows[0x102], rows[0x004], rows[0x040], rows[0x001]) == (0x0104, 0, 7, 0)
    # never the voltage gain: what it does to channel B is in doubt
    assert 0x281 not in rows and 0x28D not in rows and 0x120 not in rows


def test_each_gain_is_independent_of_the_other():
    assert table(p_gain_ppm=10000)[0x282] == round(0x400000 * 1.01)
    assert table(p_gain_ppm=-200000)[0x282] == round(0x400000 * 0.8)
    rows = table(i_gain_ppm=20000)
    assert rows[0x280] == round(0x400000 * 1.02)
    assert abs(rows[0x280] * rows[0x282] / (1 << 44) - 1) < 2e-7
    rows = table(i_gain_ppm=-200000, p_gain_ppm=200000)
    assert rows[0x280] >= 0x200000 and rows[0x282] <= 0x600000
    assert rows[0x282] == rows[0x283] == rows[0x284]
    assert table(v_gain_ppm=10000) == table() == table(i_offset_ua=1000)


def test_an_offset_of_power_is_in_512ths_of_an_lsb_and_turned_with_its_channel():
    assert table(p_offset_mw=1000)[0x289] == round(194.3 * 512)
    assert table(p_offset_mw=-1000)[0x289] == 0x1000000 - round(194.3 * 512)
    data = dict(DATA, inverted=(True,))
    assert table(data, p_offset_mw=-1000)[0x289] == round(194.3 * 512)
    assert table(p_offset_mw=10000000 // 120)[0x289]
    raises(ValueError, table, p_offset_mw=100000)


def test_phase_and_its_sign_come_from_the_calibration_and_the_board():
    assert table(phase_mdeg=1000)[0x108] == 50
    assert table(phase_mdeg=-1000)[0x108] == 0x232
    assert table(dict(DATA, phcal_sign=-1), phase_mdeg=1000)[0x108] == 0x232


def test_channel_b_has_its_own_registers():
    values = [[0] * 6, [0, 10000, 20000, 0, 500, 40]]
    rows = dict(build_table(DATA, [Scale(DATA, 0), Scale(DATA, 1)], values))
    assert rows[0x28C] == round(0x400000 * 1.01) and rows[0x280] == 0x400000
    assert rows[0x28E] == rows[0x28F] == rows[0x290] == round(0x400000 * 1.02 / 1.01)
    assert rows[0x295] == round(194.3 * 256) and rows[0x109] == 2 and rows[0x108] == 0


def test_gains_of_the_inputs_are_those_that_there_are():
    rows = table(dict(DATA, pga_v=2, pga_i=22))
    assert (rows[0x007], rows[0x008], rows[0x009]) == (1, 5, 0)
    raises(ValueError, table, dict(DATA, pga_v=22))
    raises(ValueError, table, dict(DATA, pga_i=3))
    data = dict(DATA, pga_i=22)
    raises(ValueError, build_table, data, [Scale(data, 0), Scale(data, 1)], [[0] * 6] * 2)


def channel(p_max_w=6000):
    one = Channel(0, Scale(DATA, 0), p_max_w)
    one.begin(0, 0, 0)
    return one


def counts(watts, seconds):
    return int(watts * seconds * 194.3 * 206900 / 4862401)


def test_a_counter_rolls_over_both_ways_and_differences_add_up():
    for power, start in (
        (3000, 0x7FFFF0),
        (3000, 0xFFFFF0),
        (-3000, 0x800010),
        (-3000, 5),
        (0.7, 0),
        (-0.7, 0),
    ):
        one = channel()
        one.begin(start, 0, 0)
        for at_s in range(10, 3610, 10):
            assert one.take(start + counts(power, at_s) & 0xFFFFFF, 0, at_s * 1000, True) is None
        assert abs(one.held_wh_x1000 - power * 1000) <= 1
        assert abs(one.power_mw - power * 1000) <= 13


def test_a_step_that_cannot_be_is_refused_and_is_the_new_baseline():
    one = channel()
    assert one.take(counts(6000, 10), 0, 10000, True) is None
    held = one.held_wh_x1000
    jumped = counts(6000, 10) + counts(9600, 10)
    assert one.take(jumped, 0, 20000, True) == (counts(6000, 10), jumped)
    assert one.held_wh_x1000 == held
    assert one.take(jumped + counts(8900, 10), 0, 30000, True) is None
    assert abs(one.held_wh_x1000 - held - 24722) <= 1
    # and in the other direction alike
    assert one.take(0xF00000, 0, 40000, True) is not None


def test_a_pause_in_which_the_counter_may_have_turned_is_refused():
    # 9 kW at most: half a turn takes 112.7 s
    one = channel()
    assert one.take(counts(6000, 112), 0, 112000, True) is None
    assert abs(one.held_wh_x1000 - 186667) <= 1
    one = channel()
    # more than the gate lets through in the other direction cannot be taken for less in this one
    assert one.take(counts(100, 230), 0, 230000, True) is not None


def test_power_is_the_mean_between_clean_reads():
    one = channel()
    for at_s, clean in ((1, True), (2, True), (3, False), (4, True)):
        one.take(counts(1000, at_s + (0.1 if not clean else 0)), counts(-500, at_s), at_s * 1000, clean)
        if at_s == 1:
            assert one.power_mw is None
        else:
            assert abs(one.power_mw - 1000000) < 300 and abs(one.reactive_mvar + 500000) < 300
        assert not one.creeps
    one.take(counts(1000, 4), counts(-500, 5), 5000, True)
    assert one.creeps and one.power_mw == 0


def test_two_complement_of_24_bits():
    assert [signed(x, 24) for x in (0, 0x7FFFFF, 0x800000, 0xFFFFFF)] == [0, 0x7FFFFF, -0x800000, -1]
