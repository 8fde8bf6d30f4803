"""What goes into the registers of the ATM90E32AS (metering-ics.md 2.3 to 2.5)."""

from check import raises
from keiki.drivers.calibration import checked
from keiki.drivers.metering_atm90e32_registers import (
    IN_WARN_TH,
    MARKER,
    MMODE0,
    MMODE1,
    PL_CONST_H,
    PL_CONST_L,
    Scale,
    build_table,
    phi,
    pl_constant,
    pq_gain,
)

BOARD = {"line_hz": 50, "u_gain": 52801, "i_gain": 27962}


def table(rating_a=60, phases=2, calibration=None, **data):
    values = checked(calibration or [{}] * phases, phases)
    board = dict(BOARD)
    board.update(data)
    rows = build_table(board, Scale(board, rating_a), values)
    assert len(rows) == len(dict(rows))
    return dict(rows)


def test_pl_constant_of_3200_impulses_is_the_reset_value():
    assert pl_constant(3200) == 0x0861C468


def test_pq_gain_of_the_application_note():
    # e = -13.78 %: power is to be multiplied by 1 / (1 + e)
    assert pq_gain(10000, 10000 - 1378) == 0x1475
    assert pq_gain(1, 1) == 0
    assert pq_gain(99, 100) == 0x10000 - 328
    assert str(raises(ValueError, pq_gain, 2, 1)) == "calibration: p_gain_ppm"


def test_phase_factor_of_the_application_note():
    # Phi = e x 3763.739 for the error e at power factor 0.5; 1 degree is e = tan 60 x pi / 180
    for mdeg in (100, 500, 1000, 2000):
        error = 1.7320508 * 3.14159265 / 180000 * mdeg
        assert abs(phi(mdeg, 1) - error * 3763.739) <= 0.5
        # at 60 Hz the same delay is 1.2 times the angle, and the factor is 3136.449
        assert abs(phi(mdeg, 1) - error * 1.2 * 3136.449) <= 0.5


def test_phi_turns_both_ways_in_steps_of_a_2_048_mhz_clock():
    assert [phi(mdeg, 1) for mdeg in (0, 4, 5, 9, -9, -1000)] == [0, 0, 1, 1, 0x8001, 0x8072]
    assert [phi(mdeg, -1) for mdeg in (0, 9, -9)] == [0, 0x8001, 1]
    assert phi(2241, 1) == 0xFF
    raises(ValueError, phi, 2246, 1)
    raises(ValueError, phi, -2246, 1)


def test_a_register_fills_in_78_s_at_full_load_whatever_the_rating():
    for rating_a, current in ((10, 1), (30, 1), (60, 1), (61, 2), (120, 2), (200, 4), (250, 5)):
        scale = Scale(BOARD, rating_a)
        assert scale.current == current
        assert rating_a / current <= 60
        full_wh = 65535 * scale.wh_x1000 / scale.wh_divisor / 1000
        assert 78 < full_wh / (rating_a * 100) * 3600 < 79
        # no rounding: PL_constant is whole, and one count is rating / 30 Wh x 1000
        assert scale.wh_x1000 * 30 == scale.wh_divisor * rating_a


def test_only_the_wired_phases_are_in_the_totals_and_b_never_is():
    assert table(phases=1)[MMODE0] == 0x0084
    assert table(phases=2)[MMODE0] == 0x0085
    assert table(phases=2, line_hz=60)[MMODE0] == 0x1085
    assert [register for register in table(phases=2) if register in range(0x65, 0x69)] == []
    assert [register for register in table(phases=1) if register in range(0x69, 0x6D)] == []


def test_pl_constant_and_gains_are_those_of_the_rating():
    thirty, half = table(rating_a=30), table(rating_a=120)
    assert thirty[PL_CONST_H] << 16 | thirty[PL_CONST_L] == pl_constant(10000)
    assert half[PL_CONST_H] << 16 | half[PL_CONST_L] == pl_constant(5000)
    assert (thirty[0x61], thirty[0x62]) == (52801, 27962)
    assert (half[0x61], half[0x62]) == (52801, 13981)
    assert (half[0x69], half[0x6A]) == (52801, 13981)
    assert thirty[0x47] == thirty[0x4B] == half[0x47] == 0
    assert thirty[IN_WARN_TH] == MARKER
    # 250 mW in units of 0.32 mW; at half scale they are twice as large
    assert (thirty[0x38], half[0x38], table(start_mw=1000)[0x38]) == (781, 390, 3125)


def test_boards_may_have_gains_for_each_phase_and_a_pga():
    two = table(u_gain=(40000, 41000), i_gain=[20000, 21000], pga=2)
    assert [two[register] for register in (0x61, 0x62, 0x69, 0x6A)] == [40000, 20000, 41000, 21000]
    assert two[MMODE1] == 0b010101
    assert table(pga=4)[MMODE1] == 0b101010 and table()[MMODE1] == 0


def factor(registers, phase, base=(52801, 27962), current=1):
    """What power is multiplied by, against the board's own gains."""
    u, i, pq = [registers[at] for at in ((0x61, 0x62, 0x47), (0x69, 0x6A, 0x4B))[phase]]
    pq = pq - 0x10000 if pq & 0x8000 else pq
    return u * i * current * (32768 + pq) / (base[0] * base[1] * 32768)


def test_the_gain_of_power_is_independent_of_the_others():
    for v_ppm in (-200000, -1, 0, 17, 33333, 200000):
        for i_ppm in (-150000, 0, 29, 4321, 200000):
            for p_ppm in (-200000, 0, 15, 20000, 200000):
                if (1 + p_ppm / 1e6) / ((1 + v_ppm / 1e6) * (1 + i_ppm / 1e6)) >= 1.99:
                    continue
                for rating_a, current in ((60, 1), (120, 2)):
                    values = {"v_gain_ppm": v_ppm, "i_gain_ppm": i_ppm, "p_gain_ppm": p_ppm}
                    registers = table(rating_a, 2, [{}, values])
                    assert factor(registers, 0, current=current) == 1
                    got = factor(registers, 1, current=current)
                    # half a step of 1/32768, times what the other gains make of it
                    assert abs(got / (1 + p_ppm / 1e6) - 1) < 16e-6 * 1.6, (values, got)
                    assert abs(registers[0x69] / 52801 - 1 - v_ppm / 1e6) < 10e-6


def test_offsets_are_in_units_of_the_chip():
    one = table(60, 1, [{"i_offset_ua": -2000, "p_offset_mw": 1000}])
    assert one[0x64] == 0x10000 - 1024  # 1/512 mA
    assert one[0x41] == 3125  # 0.32 mW
    half = table(120, 1, [{"i_offset_ua": -2000, "p_offset_mw": 1000}])
    assert (half[0x64], half[0x41]) == (0x10000 - 512, 1563)
    assert table(60, 2, [{}, {"p_offset_mw": -320}])[0x45] == 0x10000 - 1000
    assert table(60, 2, [{}, {"phase_mdeg": 1000}])[0x4C] == 0x72


def test_what_a_register_cannot_hold_is_refused_by_name():
    for key, value in (
        ("i_offset_ua", 64000),
        ("p_offset_mw", -11000),
        ("phase_mdeg", 2300),
    ):
        assert key in str(raises(ValueError, table, 60, 1, [{key: value}]))
    assert "v_gain_ppm" in str(raises(ValueError, table, 60, 1, [{"v_gain_ppm": 200000}], u_gain=60000))
    assert "i_gain_ppm" in str(raises(ValueError, table, 60, 1, [{"i_gain_ppm": 200000}], i_gain=60000))
