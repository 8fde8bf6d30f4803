"""What the ATM90E32AS driver does when the chip or its line misbehave (metering-ics.md 2.1, 2.2, 2.6)."""

from keiki.drivers.metering import REFUSED, RESET, STALE
from keiki.drivers.metering_atm90e32_registers import MARKER
from metering_line import finish
from metering_spi import meter


def turned(bit):
    return lambda value: value ^ 1 << bit


def spoil_energy(chip, register, answers):
    """Let `answers` come over the next read of an energy register, and over what follows it."""
    access = chip.access

    def watch(tx):
        if tx[0] & 0x80 and tx[1] == register and answers:
            # this answer is being given now: the first is for it
            first = answers.pop(0)
            chip.answers[:0] = answers
            answers[:] = []
            value = access(tx)
            return value if first is None else first(value)
        return access(tx)

    chip.access = watch


def test_an_energy_value_garbled_on_the_line_is_recovered():
    for answers in ([turned(3)], [turned(15)], [turned(0), turned(7)], [None, turned(2)]):
        chip, driver, told = meter(rating_a=30)
        chip.energy[0x81] = 777
        spoil_energy(chip, 0x81, list(answers))
        snapshot = finish(driver.snapshot(2000))
        assert (snapshot.net_wh_x1000, snapshot.flags, told) == (777, 0, [])
        assert driver.stats["recovered"] == 1
        assert chip.energy[0x81] == 0


def test_an_energy_read_that_did_not_reach_the_chip_books_nothing_twice():
    chip, driver, told = meter(rating_a=30)
    for at_s in range(2, 60):
        chip.energy[0x81] = 500 + at_s
        chip.energy[0x83] = 500
        # frame by frame: every one of the poll is lost once
        chip.answers = [None] * at_s + ["lost"]
        snapshot = finish(driver.snapshot(at_s * 1000))
        chip.answers = []
        held = sum(driver._energies.held_wh_x1000) + sum(driver._energies._counts)
        assert snapshot.net_wh_x1000 + held + chip.energy[0x81] + chip.energy[0x83] == 1000 + at_s, at_s
        if snapshot.flags & STALE:
            finish(driver.snapshot(at_s * 1000 + 500))
        assert told == []
    assert driver.stats["missed"]


def test_a_dead_line_is_stale_and_clears_nothing():
    for stuck in (0, 0xFFFF, 0x5A5A):
        chip, driver, told = meter(rating_a=30)
        chip.stuck = stuck
        for at_s in range(2, 32):
            chip.energy[0x81] += 100
            snapshot = finish(driver.snapshot(at_s * 1000))
            assert (snapshot.flags, snapshot.net_wh_x1000) == (STALE, 0)
        assert chip.resets == 1
        assert snapshot.power_w_x10 == [10000, 10000]
        chip.stuck = None
        chip.energy[0x81] += 100
        snapshot = finish(driver.snapshot(32000))
        assert (snapshot.flags, snapshot.net_wh_x1000, told) == (0, 3100, [])


def test_a_line_that_dies_in_any_frame_books_and_shows_nothing_that_was_not_there():
    chip, driver, _ = meter(rating_a=30)
    before = chip.count
    finish(driver.snapshot(2000))
    frames = chip.count - before
    for stuck in (0, 0xFFFF):
        for frame in range(1, frames + 1):
            chip, driver, _ = meter(rating_a=30)
            for register in (0x81, 0x83, 0x85, 0x87):
                chip.energy[register] = 100
            start = chip.count
            access = chip.access

            def dying(tx, chip=chip, access=access, last=start + frame, stuck=stuck):
                if chip.count >= last:
                    chip.stuck = stuck
                return access(tx)

            chip.access = dying
            snapshot = finish(driver.snapshot(2000))
            assert snapshot.flags & STALE and snapshot.net_wh_x1000 == 0
            assert snapshot.power_w_x10 == [10000, 10000] and snapshot.power_factor_x1000 == [1000, 1000]
            chip.access, chip.stuck = access, None
            snapshot = finish(driver.snapshot(3000))
            assert snapshot.flags & STALE == 0
            assert max(snapshot.import_wh_x1000 + snapshot.export_wh_x1000) <= 100


def test_a_bus_that_raises_is_a_dead_line():
    chip, driver, _ = meter()
    transfer = chip.transfer

    def broken(tx, rx):
        raise OSError(5)

    chip.transfer = broken
    assert finish(driver.snapshot(2000)).flags == STALE
    assert finish(driver.self_check()) == ["r_silent", "t_silent"]
    chip.transfer = transfer
    assert finish(driver.snapshot(3000)).flags == 0


def test_a_restarted_chip_is_set_up_again():
    chip, driver, told = meter(rating_a=30)
    chip.restart()
    chip.energy[0x81] = 5000  # whatever it counted with reset values
    snapshot = finish(driver.snapshot(2000))
    assert (snapshot.flags, snapshot.net_wh_x1000) == (RESET, 0)
    assert told == [("ic_reset", 0x0085, 0x0087)]
    assert chip.config[0x33] == 0x0085 and not chip.open and chip.resets == 2
    chip.energy[0x81] = 100
    snapshot = finish(driver.snapshot(3000))
    assert (snapshot.flags, snapshot.net_wh_x1000) == (0, 100)
    assert driver.stats["resets"] == 1 and driver.stats["set_ups"] == 2


def test_a_crc_error_has_the_chip_set_up_again_and_its_count_dropped():
    chip, driver, told = meter(rating_a=30)
    chip.energy[0x81] = 900
    chip.crc = 1
    access = chip.access

    def cured(tx):
        if tx == b"\x00\x70\x78\x9a":
            chip.crc = 0
        return access(tx)

    chip.access = cured
    snapshot = finish(driver.snapshot(2000))
    assert (snapshot.flags, snapshot.net_wh_x1000) == (RESET, 0)
    assert told == [("ic_reset", 0, 1)]
    chip.energy[0x81] = 100
    snapshot = finish(driver.snapshot(3000))
    assert (snapshot.flags, snapshot.net_wh_x1000, len(told)) == (0, 100, 1)


def test_a_crc_error_that_does_not_go_away_is_believed_once():
    chip, driver, told = meter(rating_a=30)
    chip.crc = 1
    flags = [finish(driver.snapshot(at_s * 1000)).flags for at_s in range(2, 200)]
    assert flags == [RESET] + [0] * 197 and len(told) == 1


def test_a_register_that_changed_without_a_crc_error_is_found_within_a_minute():
    chip, driver, told = meter(rating_a=30)
    good = chip.config[0x62]
    chip.config[0x62] = good ^ 0x4000
    flags = [finish(driver.snapshot(at_s * 1000)).flags for at_s in range(2, 70)]
    assert flags.count(RESET) == 1 and not any(flag & ~RESET for flag in flags)
    assert told == [("ic_reset", good, good ^ 0x4000)]
    assert chip.config[0x62] == good


def test_a_corrupt_marker_is_a_corrupt_configuration():
    chip, driver, told = meter()
    chip.config[0x0A] ^= 0x10
    assert finish(driver.snapshot(2000)).flags == RESET
    assert told == [("ic_reset", 0x0085, 0x0085)]
    assert chip.config[0x0A] == MARKER


def test_a_step_beyond_the_gate_is_refused_and_told():
    chip, driver, told = meter(rating_a=30)
    chip.energy[0x81] = 1253  # 1250 in a second are 1.5 x 3 kW, and two
    chip.energy[0x83] = 1252
    snapshot = finish(driver.snapshot(2000))
    assert (snapshot.flags, snapshot.net_wh_x1000) == (REFUSED, 1252)
    assert told == [("increment_refused", 0, 1253)]
    chip.energy[0x81] = 800
    snapshot = finish(driver.snapshot(3000))
    assert (snapshot.flags, snapshot.net_wh_x1000) == (0, 800)


def test_a_full_register_is_refused_however_long_it_took():
    chip, driver, told = meter(rating_a=30)
    chip.energy[0x85] = 0xFFFF
    snapshot = finish(driver.snapshot(200000))
    assert (snapshot.flags, snapshot.net_wh_x1000) == (REFUSED, 0)
    assert told == [("increment_refused", 0, 0xFFFF)]


def fill(chip, **counts):
    """Let the legs count, and the sum with them."""
    net = 0
    for name, value in counts.items():
        chip.energy[{"r": 0x81, "t": 0x83}[name] + (4 if value < 0 else 0)] += abs(value)
        net += value
    chip.energy[0x80 if net > 0 else 0x84] += abs(net)


def test_legs_that_are_not_what_the_sum_says_are_refused_once_the_sum_is_believed():
    # what is read instead of 81h: export as import, the other leg's, reactive energy, nothing at all
    for instead, legs in ((0x85, 700), (0x83, 0), (0x89, -100), (0x181, -700)):
        chip, driver, told = meter(rating_a=30)
        for at_s in range(2, 12):
            fill(chip, r=700, t=-500)
            assert finish(driver.snapshot(at_s * 1000)).net_wh_x1000 == 200
        fill(chip, r=-700)
        if instead == 0x181:
            fill(chip, r=900)
        chip.energy[0x89] = 600
        access = chip.access

        def misheard(tx, access=access, chip=chip, instead=instead):
            if tx[1] != 0x81:
                return access(tx)
            chip.access = access
            return access(bytes((tx[0] | instead >> 8, instead & 0xFF, 0, 0)))

        chip.access = misheard
        snapshot = finish(driver.snapshot(12000))
        if instead == 0x83:
            assert (snapshot.flags, snapshot.net_wh_x1000, told) == (0, -700, [])
            continue
        assert (snapshot.flags, snapshot.net_wh_x1000) == (REFUSED, 0)
        total = 200 if instead == 0x181 else -700
        assert told == [("increment_refused", total, legs)]
        assert max(chip.energy[register] for register in range(0x80, 0x88)) == 0
        fill(chip, r=300)
        assert finish(driver.snapshot(13000)).net_wh_x1000 == 300


def test_a_sum_that_has_never_agreed_or_does_so_no_longer_is_not_believed():
    chip, driver, told = meter(rating_a=30)
    for at_s in range(2, 12):
        chip.energy[0x81] = 700
        assert finish(driver.snapshot(at_s * 1000)).net_wh_x1000 == 700
    for at_s in range(12, 22):
        fill(chip, r=700)
        assert finish(driver.snapshot(at_s * 1000)).net_wh_x1000 == 700
    booked = 0
    for at_s in range(22, 42):
        chip.energy[0x81] = 700
        booked += finish(driver.snapshot(at_s * 1000)).net_wh_x1000
    assert booked == 10 * 700 and len(told) == 10


def test_a_sum_that_runs_over_refuses_nothing():
    chip, driver, told = meter(rating_a=30)
    for at_s in range(2, 12):
        fill(chip, r=700)
        finish(driver.snapshot(at_s * 1000))
    # 40 s of full load: the sum of both legs is full before one of them is
    fill(chip, r=33000, t=33000)
    chip.energy[0x80] = 0xFFFF
    snapshot = finish(driver.snapshot(51000))
    assert (snapshot.flags, snapshot.net_wh_x1000) == (0, 66000)
    assert told == [("counts_lost", 0, 0xFFFF)]
    told.clear()
    # in a second it cannot be
    fill(chip, r=100)
    chip.energy[0x80] = 0xFFFF
    assert finish(driver.snapshot(52000)).flags == REFUSED
    assert told == [("increment_refused", 0, 100)]


def test_a_spike_of_one_sample_is_never_seen():
    for spike in ({"volts": 301}, {"watts": 7900}, {"watts": -7900}, {"var": 30000}, {"volts": 0}):
        chip, driver, _ = meter()
        readings = {"volts": 100, "watts": 1000}
        readings.update(spike)
        chip.measure(2, **readings)
        for at_s in (2, 3):
            snapshot = finish(driver.snapshot(at_s * 1000))
            assert snapshot.flags == 0
            assert snapshot.power_w_x10 == [10000, 10000]
            assert snapshot.voltage_v_x100 == [10000, 10000]
            assert snapshot.reactive_var_x10 == [0, 0]
        assert driver.stats["implausible"] == 2


def test_what_stays_implausible_is_stale_but_its_energy_is_kept():
    chip, driver, _ = meter(rating_a=30)
    chip.measure(0, volts=320)
    flags = []
    for at_s in range(2, 12):
        chip.energy[0x81] = 100
        flags.append(finish(driver.snapshot(at_s * 1000)).flags)
    assert flags == [0, 0] + [STALE] * 8
    chip.measure(0)
    assert finish(driver.snapshot(12000)).net_wh_x1000 == 800


def test_a_garbled_reading_is_read_again():
    chip, driver, _ = meter()
    for at_s in range(2, 72):
        chip.answers = [None] * at_s + [turned(at_s % 16)]
        snapshot = finish(driver.snapshot(at_s * 1000))
        chip.answers = []
        assert snapshot.flags in (0, STALE)
        assert snapshot.power_w_x10 == [10000, 10000]
        assert snapshot.voltage_v_x100 == [10000, 10000]
    assert driver.stats["stale"] == 1


def test_a_power_whose_words_are_of_two_moments_is_read_again():
    chip, driver, _ = meter()
    access = chip.access

    def refreshing(tx):
        value = access(tx)
        if tx[1] == 0xB1:
            chip.access = access
            chip.put32(0xB1, 0xC1, -3125 * 1000)
        return value

    chip.access = refreshing
    assert finish(driver.snapshot(2000)).power_w_x10[0] == -10000
