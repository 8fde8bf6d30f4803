"""The ATM90E32AS driver: frames, readings, energy, calibration (metering-ics.md 2)."""

from keiki.drivers.metering import CREEP
from keiki.drivers.metering_atm90e32_registers import MARKER
from metering_line import finish
from metering_spi import meter


def test_frames_have_the_bits_of_the_datasheet():
    chip, _, _ = meter(log=True)
    assert chip.frames[0] == b"\x00\x70\x78\x9a"
    assert chip.frames[1] == b"\x00\x7f\x55\xaa"
    assert chip.frames[2] == b"\x00\x0a" + bytes((MARKER >> 8, MARKER & 0xFF))
    assert b"\x00\x7f\x00\x00" in chip.frames
    assert b"\x80\xb1\x00\x00" in chip.frames
    assert all(len(frame) == 4 for frame in chip.frames)
    assert chip.waited_ms >= 6 and not chip.open


def test_every_access_is_checked_with_last_spi_data():
    chip, driver, _ = meter(log=True)
    del chip.frames[:]
    finish(driver.snapshot(2000))
    for at, frame in enumerate(chip.frames):
        if frame[1] not in (0x78, 0x0A):
            assert chip.frames[at + 1] == b"\x80\x78\x00\x00", frame


def test_channel_b_is_never_touched():
    chip, driver, _ = meter(log=True)
    finish(driver.snapshot(61000))
    assert finish(driver.self_check()) == []
    of_b = (0x43, 0x44, 0x49, 0x4A, 0x65, 0x66, 0x67, 0x68, 0x82, 0x86, 0xB2, 0xC2, 0xB6, 0xC6, 0xDA, 0xDE)
    assert not [frame for frame in chip.frames if frame[1] in of_b]
    assert [frame for frame in chip.frames if frame[1] in (0x83, 0x87, 0xB3, 0xDF)]


def test_one_phase_reads_channel_a_only():
    chip, driver, _ = meter(phases=1, log=True)
    assert not [frame for frame in chip.frames if frame[1] in (0x4B, 0x69, 0x83, 0x87, 0xB3, 0xDB)]
    chip.energy[0x81] = 30
    assert finish(driver.snapshot(2000)).import_wh_x1000 == [60]


def test_readings_are_scaled():
    chip, driver, _ = meter()
    chip.measure(0, volts=103, ma=8000, watts=-400, var=120, factor=-500)
    chip.measure(2, volts=98, ma=1234, watts=60, var=-100, factor=492)
    chip.put(0xEE + 1, 0x8000)
    snapshot = finish(driver.snapshot(2000))
    assert snapshot.flags == 0
    assert snapshot.voltage_v_x100 == [10300, 9800]
    assert snapshot.current_ma == [8000, 1235]  # half a mA in the register of its own
    assert snapshot.power_w_x10 == [-4000, 600]
    assert snapshot.reactive_var_x10 == [1200, -1000]
    assert snapshot.power_factor_x1000 == [-500, 492]
    assert snapshot.frequency_hz_x100 == [5000, 5000]


def test_at_half_scale_current_power_and_energy_are_doubled():
    chip, driver, _ = meter(rating_a=120)
    chip.measure(0, volts=100, ma=60000, watts=6000)
    chip.energy[0x81] = 100
    snapshot = finish(driver.snapshot(2000))
    assert (snapshot.current_ma[0], snapshot.power_w_x10[0]) == (120000, 120000)
    assert snapshot.import_wh_x1000 == [400, 0]


def test_power_factor_has_the_sign_of_the_power_and_is_none_without_current():
    chip, driver, _ = meter()
    chip.measure(0, watts=-500, ma=10000, factor=500)
    chip.measure(2, watts=0, ma=0, factor=0)
    snapshot = finish(driver.snapshot(2000))
    assert snapshot.power_factor_x1000 == [-500, None]


def test_power_below_the_start_is_shown_as_none_and_is_creep_if_it_is_so_everywhere():
    chip, driver, _ = meter()
    chip.measure(0, ma=500, watts=0, var=50)
    chip.put32(0xB1, 0xC1, 780)  # 0.2496 W
    snapshot = finish(driver.snapshot(2000))
    assert (snapshot.power_w_x10, snapshot.flags) == ([0, 10000], 0)
    assert (snapshot.current_ma[0], snapshot.reactive_var_x10[0]) == (500, 500)
    chip.measure(2, ma=0, watts=0)
    assert finish(driver.snapshot(3000)).flags == CREEP
    chip.put32(0xB1, 0xC1, 782)
    snapshot = finish(driver.snapshot(4000))
    assert (snapshot.power_w_x10[0], snapshot.flags) == (3, 0)


def test_each_direction_of_each_leg_is_booked_by_itself():
    chip, driver, _ = meter(rating_a=30)
    for register, counts in ((0x81, 1000), (0x85, 200), (0x83, 30), (0x87, 4)):
        chip.energy[register] = counts
    snapshot = finish(driver.snapshot(2000))
    assert snapshot.import_wh_x1000 == [1000, 30]
    assert snapshot.export_wh_x1000 == [200, 4]
    assert snapshot.net_wh_x1000 == 826
    assert finish(driver.snapshot(3000)).net_wh_x1000 == 0


def test_conversion_of_counts_leaves_nothing():
    chip, driver, _ = meter(rating_a=50)  # 5/3 Wh x 1000 for a count
    total = 0
    for at_s in range(2, 302):
        chip.energy[0x81] = 1
        total += finish(driver.snapshot(at_s * 1000)).net_wh_x1000
    assert total == 500


def test_polls_between_snapshots_lose_nothing():
    chip, driver, _ = meter(rating_a=30)
    assert driver.poll_ms <= 10000
    for at_s in (11, 21, 31, 41, 51):
        chip.energy[0x81] += 100
        assert finish(driver.poll(at_s * 1000))
        assert chip.energy[0x81] == 0
    assert finish(driver.snapshot(61000)).net_wh_x1000 == 500


def test_calibration_goes_into_the_chip_without_a_reset_and_loses_nothing():
    chip, driver, _ = meter(rating_a=30, log=True)
    chip.energy[0x81] = 700
    driver.apply([{"p_gain_ppm": 10000, "phase_mdeg": 1000}, {"v_gain_ppm": -5000}])
    snapshot = finish(driver.snapshot(2000))
    assert (snapshot.flags, snapshot.net_wh_x1000) == (0, 700)
    assert (chip.config[0x47], chip.config[0x48], chip.config[0x69]) == (328, 0x72, 52537)
    assert chip.resets == 1 and not chip.open
    writes = len(chip.frames)
    finish(driver.snapshot(3000))
    assert not [frame for frame in chip.frames[writes:] if not frame[0] & 0x80]


def test_calibration_that_cannot_be_changes_nothing():
    chip, driver, _ = meter()
    before = dict(chip.config)
    try:
        driver.apply([{}, {"phase_mdeg": 9000}])
        raise AssertionError("applied")
    except ValueError:
        pass
    finish(driver.snapshot(2000))
    assert chip.config == before


def test_self_check_names_what_is_wrong():
    chip, driver, _ = meter()
    assert finish(driver.self_check()) == []
    chip.put(0xDB, 900)
    assert finish(driver.self_check()) == ["t_voltage"]
    chip.config[0x47] = 5
    assert finish(driver.self_check()) == ["r_settings", "t_settings"]
    chip.restart()
    assert finish(driver.self_check()) == ["r_settings", "t_settings"]
    chip.stuck = 0
    assert finish(driver.self_check()) == ["r_silent", "t_silent"]


def test_temperature_is_read_once_a_minute_and_may_be_negative():
    chip, driver, _ = meter()
    chip.put(0xFC, 0x10000 - 7)
    finish(driver.snapshot(2000))
    assert driver.temperature_c is None
    finish(driver.snapshot(61000))
    assert driver.temperature_c == -7


def test_a_gain_that_happens_to_be_the_marker_can_be_read():
    _, driver, _ = meter(u_gain=MARKER)
    assert finish(driver.self_check()) == []


def test_board_data_that_cannot_be_is_refused():
    for data in ({"u_gain": 70000}, {"i_gain": 0}, {"pga": 3}):
        try:
            meter(**data)
            raise AssertionError(data)
        except ValueError:
            pass
