"""The house: what can be asked for, what it says when it cannot, and that its energies add up."""

import itertools
import random
import time
from pathlib import Path

import pytest
from keiki.wire.slots import utc_from_jst
from keiki_host.bench.house import House, LoadError
from keiki_host.bench.truth import TruthWriter, read_truth

DAY_S = 86400
START_S = utc_from_jst(2026, 11, 22)


@pytest.mark.parametrize(
    ("spec", "field", "reason"),
    [
        ("", "spec", "'' is not constant:..., house, or the path of a CSV file"),
        ("hause", "spec", "'hause' is not constant:..., house, or the path of a CSV file"),
        ("nowhere.csv", "file", "nowhere.csv: No such file or directory"),
        ("/", "file", "/: Is a directory"),
        ("constant", "power", "'constant' is not constant:<number>W, constant:<number>W@pf<number>"),
        (
            "constant:1000",
            "power",
            "'constant:1000' is not constant:<number>W, constant:<number>W@pf<number>",
        ),
        ("constant:W", "power", "not a number: ''"),
        ("constant:1kW", "power", "not a number: '1k'"),
        ("constant:nanW", "power", "nan is not within -100000 to 100000"),
        ("constant:1e9W", "power", "1e9 is not within -100000 to 100000"),
        ("constant:1000W@pf0", "pf", "0 is not within 0.01 to 1"),
        ("constant:1000W@pf1.1", "pf", "1.1 is not within 0.01 to 1"),
        ("constant:1000W@pf-0.5", "pf", "-0.5 is not within 0.01 to 1"),
        ("constant:1000W@pf", "pf", "not a number: ''"),
    ],
)
def test_a_bad_specification_gets_one_clear_line(spec: str, field: str, reason: str) -> None:
    with pytest.raises(LoadError) as caught:
        House(spec)
    assert str(caught.value) == f"load: {field}: {reason}"
    assert (caught.value.field, caught.value.reason) == (field, reason)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "line 1: the header is not time,power_w or time,power_w,pf"),
        ("when,power_w\n", "line 1: the header is not time,power_w or time,power_w,pf"),
        ("time,power_w\n", "line 2: no rows"),
        ("time,power_w\n00:00,1,2\n", "line 2: 3 fields instead of 2"),
        ("time,power_w\nnoon,1\n", "line 2: time: 'noon' is neither ISO 8601 nor HH:MM[:SS]"),
        ("time,power_w\n25:00,1\n", "line 2: time: '25:00' is neither ISO 8601 nor HH:MM[:SS]"),
        ("time,power_w\n00:00,1\n00:00,2\n", "line 3: time: not after the line before"),
        ("time,power_w\n00:00,1\n2026-11-22,2\n", "line 3: time: times of the day and dates in one table"),
        ("time,power_w\n00:00,x\n", "line 2: power_w: not a number: 'x'"),
        ("time,power_w,pf\n00:00,1,2\n", "line 2: pf: 2 is not within 0.01 to 1"),
    ],
)
def test_a_bad_table_gets_one_clear_line(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "load.csv"
    path.write_text(text)
    with pytest.raises(LoadError) as caught:
        House(str(path))
    assert str(caught.value) == f"load: {line}"


def test_a_file_that_is_no_text_gets_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(LoadError, match=r"^load: file: .*load\.csv: not UTF-8 text$"):
        House(str(path))


def test_a_constant_is_shared_by_the_phases_at_100_v() -> None:
    mains = House("constant:1000W").at(START_S)
    assert [tuple(phase) for phase in mains.phases] == [(100.0, 5.0, 500.0, 1.0)] * 2
    assert House("constant:1000W", phases=1).at(START_S).phases[0] == (100.0, 10.0, 1000.0, 1.0)
    low = House("constant:-1000W@pf0.5").at(START_S)
    assert low.phases[0] == (100.0, 10.0, -500.0, 0.5) and low.power_w == -1000


def test_constant_energy_is_exact() -> None:
    assert House("constant:1000W").energy_wh(START_S, START_S + 1800) == (500.0, 0.0)
    assert House("constant:-500W").energy_wh(START_S, START_S + 7 * DAY_S) == (0.0, 84000.0)
    window = House("constant:-500W@pf0.5").window(START_S * 1000, START_S * 1000 + 3_600_000)
    assert [tuple(phase) for phase in window] == [(-250.0, 250.0, 100.0, 5.0, -250.0)] * 2


def test_a_table_of_dates_holds_each_power_until_the_next_row(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text(
        "time,power_w,pf\n2026-11-22T10:00:00,1000,1\n2026-11-22T02:00:00Z,-600,0.9\n2026-11-23 01:00,60,1\n"
    )
    house = House(str(path))
    for hour, power_w in (
        (0, 1000),
        (10, 1000),
        (10.999, 1000),
        (11, -600),
        (24.9, -600),
        (25, 60),
        (999, 60),
    ):
        assert house.at(START_S + hour * 3600).power_w == power_w, hour
    imported, exported = house.energy_wh(START_S, START_S + 2 * DAY_S)
    assert imported == pytest.approx(11 * 1000 + 23 * 60)
    assert exported == pytest.approx(14 * 600)


def test_a_table_of_times_repeats_every_day(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("time,power_w\n08:00,1000\n20:00:30,100\n")
    house = House(str(path))
    for day in range(3):
        for hour, power_w in ((0, 100), (7.999, 100), (8, 1000), (20, 1000), (20.01, 100)):
            assert house.at(START_S + day * DAY_S + hour * 3600).power_w == power_w


def test_household_days_are_plausible() -> None:
    house = House("house", seed=7)
    for month in range(1, 13):
        start_s = utc_from_jst(2026, month, 10)
        used, made = house.day_totals_wh(start_s)
        imported, exported = house.energy_wh(start_s, start_s + DAY_S)
        assert 10_000 <= used <= 15_000, (month, used)
        assert 2_000 <= made <= 30_000, (month, made)
        assert used - made == pytest.approx(imported - exported)
        assert imported > 3000 and exported > 500
        for second in range(0, DAY_S, 97):
            for phase in house.at(start_s + second).phases:
                assert 95 <= phase.v <= 107 and phase.i < 29 and 0 <= phase.pf <= 1


def test_power_changes_at_whole_seconds_only_and_its_sign_often_enough() -> None:
    house = House("house", seed=1)
    house.at(START_S)
    pieces = [house.pieces(leg, START_S * 1000, (START_S + DAY_S) * 1000) for leg in (0, 1)]
    assert all(ms % 1000 == 0 for leg in pieces for ms, *_ in leg)
    net = [r[1] + t[1] for r, t in zip(*pieces, strict=True)]
    assert sum(1 for a, b in itertools.pairwise(net) if a * b < 0) >= 20


def test_a_seed_gives_the_same_days_in_any_order_and_another_seed_others() -> None:
    days = [START_S + n * DAY_S for n in range(6)]
    first = [House("house", seed=3).energy_wh(day, day + DAY_S) for day in days]
    house = House("house", seed=3)
    assert [house.energy_wh(day, day + DAY_S) for day in reversed(days)] == first[::-1]
    assert len(set(first)) == 6
    assert House("house", seed=4).energy_wh(days[0], days[0] + DAY_S) != first[0]


def test_one_phase_carries_what_two_do() -> None:
    one, two = House("house", 5, phases=1), House("house", 5)
    for second in range(0, DAY_S, 601):
        assert one.at(START_S + second).power_w == two.at(START_S + second).power_w
    assert one.energy_wh(START_S, START_S + DAY_S) == pytest.approx(two.energy_wh(START_S, START_S + DAY_S))


def test_energies_add_up_however_a_span_is_cut() -> None:
    house = House("house", seed=2)
    dice = random.Random(0)
    start_ms, end_ms = START_S * 1000 - 40_000_000, START_S * 1000 + 100_000_000
    cuts = sorted({start_ms, end_ms, *(dice.randrange(start_ms, end_ms) for _ in range(2000))})
    spans = list(itertools.pairwise(cuts))
    whole = house.energy_wh(start_ms / 1000, end_ms / 1000)
    parts = [house.energy_wh(a / 1000, b / 1000) for a, b in spans]
    assert [sum(part) for part in zip(*parts, strict=True)] == pytest.approx(whole)
    windows = [house.window(a, b) for a, b in spans]
    for phase, total in enumerate(house.window(start_ms, end_ms)):
        assert sum(window[phase].wh for window in windows) == pytest.approx(total.wh)
        assert sum(window[phase].abs_wh for window in windows) == pytest.approx(total.abs_wh)
    total_wh = sum(window.wh for window in house.window(start_ms, end_ms))
    assert total_wh == pytest.approx(whole[0] - whole[1])


def test_a_window_is_the_mean_of_its_instants() -> None:
    house = House("house", seed=2)
    start_s = START_S + 12 * 3600
    for leg, window in enumerate(house.window(start_s * 1000, (start_s + 60) * 1000)):
        instants = [house.at(start_s + n).phases[leg] for n in range(60)]
        assert window.p == pytest.approx(sum(x.p for x in instants) / 60)
        assert window.v == pytest.approx(sum(x.v for x in instants) / 60)
        assert window.i == pytest.approx(sum(x.i for x in instants) / 60)
        assert window.abs_wh == pytest.approx(sum(abs(x.p) for x in instants) / 3600)


def test_phases_and_windows_that_are_none_are_refused() -> None:
    with pytest.raises(LoadError, match="load: phases: 3 is not 1 or 2"):
        House("house", phases=3)
    house = House("house", phases=1)
    with pytest.raises(ValueError, match="no phase 1"):
        house.phase(1)
    with pytest.raises(ValueError, match="an empty window"):
        house.window(5, 5)


def test_a_days_windows_cost_seconds_of_processor_time_at_most() -> None:
    house = House("house", seed=1)
    start_ms = START_S * 1000
    before = time.process_time()
    for n in range(8640):
        house.window(start_ms + n * 10_000, start_ms + n * 10_000 + 1000)
    # 0.08 s measured; ten times that would be a different algorithm
    assert time.process_time() - before < 3


def test_truth_is_cumulative_at_every_boundary(tmp_path: Path) -> None:
    house, path = House("house", seed=9), tmp_path / "truth.csv"
    start_ms = START_S * 1000 + 600_000
    writer = TruthWriter(path, house, start_ms, import_wh=100, export_wh=5)
    assert writer.write_until(start_ms) == START_S * 1000 + 1_800_000
    assert path.read_text() == "time,import_wh,export_wh\n"
    for n in range(1, 49):
        writer.write_until(START_S * 1000 + n * 1_800_000 + 1)
    writer.close()
    assert path.read_text().splitlines()[1].startswith("2026-11-22T00:30:00+09:00,")
    truth = read_truth(path)
    assert list(truth) == [START_S + n * 1800 for n in range(1, 49)]
    imported, exported = house.energy_wh(START_S + 600, START_S + DAY_S)
    assert truth[START_S + DAY_S] == pytest.approx((100 + imported, 5 + exported), abs=0.001)


def test_truth_begins_with_the_boundary_it_starts_on(tmp_path: Path) -> None:
    writer = TruthWriter(tmp_path / "t.csv", House("constant:1000W"), START_S * 1000)
    writer.write_until((START_S + 3600) * 1000)
    writer.close()
    assert read_truth(tmp_path / "t.csv") == {
        START_S: (0, 0),
        START_S + 1800: (500, 0),
        START_S + 3600: (1000, 0),
    }


def test_no_energy_flows_while_the_mains_are_cut() -> None:
    house, start_ms = House("constant:1000W"), START_S * 1000
    for since_s, until_s in ((600, 900), (1000, 1000), (1800, 2400)):
        house.cut(start_ms + since_s * 1000)
        house.restore(start_ms + until_s * 1000)
    house.cut(start_ms + 3000_000)
    for span, bright_s in (
        ((0, 600), 600),
        ((0, 700), 600),
        ((700, 800), 0),
        ((700, 1000), 100),
        ((0, 3600), 2100),
        ((900, 2900), 1400),
        ((2900, 9000), 100),
        ((3000, 86400), 0),
    ):
        used_wh, made_wh = house.energy_wh(START_S + span[0], START_S + span[1])
        assert (used_wh, made_wh) == (pytest.approx(bright_s / 3.6), 0), span


def test_the_meter_keeps_its_voltage_while_its_contact_is_open_and_loses_it_with_the_mains() -> None:
    house, start_ms = House("constant:1000W"), START_S * 1000
    house.disconnect(start_ms + 100)
    assert not house.lit
    house.connect(start_ms + 300)
    house.cut(start_ms + 500)
    house.disconnect(start_ms + 600)
    house.restore(start_ms + 700)
    assert not house.lit
    house.connect(start_ms + 900)
    assert house.lit
    lit, dark, open_ = (500.0, 100.0, 5.0), (0.0, 0.0, 0.0), (0.0, 100.0, 0.0)
    assert house.phase(0).pieces(start_ms, start_ms + 1000) == [
        (100, *lit), (200, *open_), (200, *lit), (100, *dark), (100, *dark), (200, *open_), (100, *lit)
    ]  # fmt: skip
    assert house.energy_wh(START_S, START_S + 1) == (pytest.approx(0.4 / 3.6), 0)
    assert [tuple(house.at(START_S + s).phases[1]) for s in (0.2, 0.55)] == [(100, 0, 0, 0), (0, 0, 0, 0)]
    assert house.window(start_ms + 500, start_ms + 900)[0][:3] == (0, 0, 50)
