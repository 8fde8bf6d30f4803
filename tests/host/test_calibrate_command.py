"""`keiki calibrate` as docs/calibration.md shows it; console, instruments and person are played by the test.

The person reads standard error and answers on standard input; time is the world's.
"""

import csv
import io
import json
import os
import re
import shlex
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from keiki_host import cli
from keiki_host.bench.waves import Point
from keiki_host.calibrate import command, load
from keiki_host.calibrate.limits import GRADES
from keiki_host.calibrate.meter import Record
from keiki_host.calibrate.plan import PERSON
from metering_line import finish

from tests.host.calibrate_world import RATED_A, World, WorldMeter, asyncio_afterwards
from tests.host.fake_instruments import Pzem, Wt310
from tests.host.fake_meter import FakeMeter, Refusal, on_socket

DOC = (Path(__file__).resolve().parents[2] / "docs" / "calibration.md").read_text()
COMMANDS = [line for line in DOC.splitlines() if line.startswith("keiki calibrate")]

LOADS = {
    "no load": (0.0, 1.0),
    "light load": (60.0, 1.0),
    "high load": (1200.0, 1.0),
    "low power factor": (250.0, 0.4),
    "medium load": (500.0, 1.0),
    "low power factor, another load": (420.0, 0.7),
    "energy of ten minutes": (1200.0, 1.0),
    "starting current": (12.0, 1.0),
    "no load, new values": (0.0, 1.0),
}
"""What the person has at home: watts and power factor, by what is asked for."""


class Person(io.StringIO):
    """Reads what is asked on standard error, switches it on, and types."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.shows: list[str] = []
        self.leaves_out: set[str] = set()
        self.source, self._sink = os.pipe()

    def write(self, text: str) -> int:
        if text.endswith(": "):
            os.write(self._sink, self._answer(text).encode() + b"\n")
        return super().write(text)

    def _answer(self, question: str) -> str:
        asked = re.search(r"Phase ([RT]), ([^:]*):", question)
        if asked is None:
            true = self._world.truth()
            return f"{true.v:.2f} {true.i:.4f} {true.p:.2f}"
        title = asked[2]
        self.shows.append(title)
        if title in self.leaves_out:
            return "s"
        watts, factor = LOADS[title]
        point = Point(self._world.f_hz, current_a=watts / factor / 100, power_factor=factor)
        self._world.switch("RT".index(asked[1]), point)
        return ""

    def fileno(self) -> int:
        return self.source


def console(meter: WorldMeter) -> FakeMeter:
    """The firmware's console of a world's meter."""

    def calibrate(request: dict[str, Any]) -> dict[str, Any]:
        try:
            finish(meter.calibrate(request["phases"]))
        except ValueError as error:
            raise Refusal(str(error)) from None
        return {}

    def store(request: dict[str, Any]) -> dict[str, Any]:
        assert len(json.dumps(request)) < 1024
        finish(meter.store(Record.model_validate(request["record"])))
        return {}

    def calibration(_request: dict[str, Any]) -> dict[str, Any]:
        record = finish(meter.calibration())
        return {"record": record.model_dump() if record else None, "followed": meter.applied}

    return FakeMeter(
        status={"serial": meter.serial},
        settings={"rating_a": RATED_A, "phases": len(meter.applied)},
        reading=lambda _: finish(meter.reading()).model_dump(mode="json"),
        pulse=lambda _: finish(meter.pulses()).model_dump(mode="json"),
        calibration=calibration,
        calibrate=calibrate,
        store_calibration=store,
    )


class Stage:
    """A meter, a person, and the command in this process."""

    def __init__(
        self, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
    ) -> None:
        self.world = world
        self.person = Person(world)
        self.url = url
        self._patch = monkeypatch
        self._capsys = capsys
        monkeypatch.setattr(command, "WallClock", lambda: world)
        monkeypatch.setattr(sys, "stdin", self.person)

    def run(self, *words: str) -> tuple[int, str, str]:
        """Returns exit code, standard output and standard error."""
        self.person.seek(0)
        self.person.truncate()
        with self._patch.context() as patch:
            patch.setattr(sys, "stderr", self.person)
            patch.setattr(sys, "argv", ["keiki", *words])
            with pytest.raises(SystemExit) as ended:
                cli.main()
        return int(ended.value.code or 0), self._capsys.readouterr().out, self.person.getvalue()


@pytest.fixture
def meter() -> WorldMeter:
    """A board with errors of its own, one phase."""
    return WorldMeter(World("phase-", phases=1, seed=2))


@pytest.fixture
def stage(
    meter: WorldMeter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Stage]:
    with asyncio_afterwards(), on_socket(tmp_path / "console", console(meter)) as url:
        yield Stage(meter.world, monkeypatch, capsys, url)


class WorldPzem(Pzem):
    """A PZEM-004T on the load."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def answer(self, request: bytes) -> bytes:
        true = self._world.truth()
        amperes, watts = struct.pack("<II", round(true.i * 1000), round(true.p * 10)), 0
        low_a, high_a, low_w, high_w = struct.unpack("<4H", amperes)
        self.registers = [round(true.v * 10), low_a, high_a, low_w, high_w, watts, 0, 500, 100, 0]
        return super().answer(request)


class WorldWt310(Wt310):
    """A WT310E on the load, its integrator included."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._span_ms = [0, 0]

    def tell(self, command: str) -> None:
        super().tell(command)
        if command == ":INTEG:STAR":
            self._span_ms = [self._world.now_ms, self._world.now_ms]
        elif command == ":INTEG:STOP":
            self._span_ms[1] = self._world.now_ms

    def answer(self, command: str) -> str | None:
        true = self._world.truth()
        hours = (self._span_ms[1] - self._span_ms[0]) / 3.6e6
        self.v, self.i, self.p = f"{true.v:.4E}", f"{true.i:.5E}", f"{true.p:.5E}"
        self.wh, self.seconds = f"{true.p * hours:.5E}", f"{hours * 3600:.3f}"
        return super().answer(command)


def documented(index: int, stage: Stage, reference: str, out: Path) -> list[str]:
    """The words of a command of the documentation, with what is connected here in place of its examples."""
    words = shlex.split(COMMANDS[index])[1:]
    for option, value in (("--meter", stage.url), ("--out", str(out))):
        words[words.index(option) + 1] = value
    at = words.index("--reference") + 1
    if not words[at].startswith("manual:"):
        words[at] = reference
    return words


class Tags(HTMLParser):
    """Counts tags and keeps text."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_data(self, data: str) -> None:
        self.text += data


def check_report(out: Path, solved: str = "no_load light high low_pf") -> str:
    """The report is whole; returns its text."""
    tags = Tags()
    tags.feed((out / "report.html").read_text())
    assert tags.counts["svg"] == 1 and tags.counts["table"] >= 4
    assert "Not for billing" in tags.text and "1000 for each kWh" in tags.text
    for word in (*(grade.name for grade in GRADES), "K26000001", "as found", "new values"):
        assert word in tags.text or word in (out / "report.html").read_text(), word
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-")
    with (out / "points.csv").open() as file:
        points = list(csv.DictReader(file))
    assert " ".join(point["step"] for point in points).startswith(solved)
    with (out / "readings.csv").open() as file:
        assert len(list(csv.DictReader(file))) > 20 * len(points)
    return tags.text


def test_the_documentation_shows_one_command_for_each_kind_of_reference() -> None:
    assert [re.search(r"--reference '?(\w+):", line)[1] for line in COMMANDS] == ["visa", "pzem", "manual"]


def test_a_person_calibrates_with_a_wt310(stage: Stage, meter: WorldMeter, tmp_path: Path) -> None:
    with WorldWt310(meter.world).serve() as reference:
        code, said, told = stage.run(*documented(0, stage, reference, tmp_path / "out"))
    assert (code, said) == (0, f"K26000001: report in {tmp_path / 'out'}\n"), told
    assert stage.person.shows == list(LOADS)
    assert meter.record is not None and meter.record.temperature_c_x10 == 230
    assert meter.record.reference == "YOKOGAWA WT310E C3QA12345E"
    true = meter.world.board.truth[0]
    assert meter.record.phases[0]["p_gain_ppm"] == pytest.approx(true["p_gain_ppm"], abs=300)
    assert meter.record.phases[0]["phase_mdeg"] == pytest.approx(true["phase_mdeg"], abs=30)
    assert "23 °C" in check_report(tmp_path / "out")


def test_a_person_calibrates_with_a_pzem(
    stage: Stage, meter: WorldMeter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # every answer of a Modbus line takes wall time: one minute of energy is enough here
    short = tuple(replace(step, seconds=min(step.seconds, 60)) for step in PERSON)
    monkeypatch.setattr(load.Person, "plan", short)
    with WorldPzem(meter.world).serve() as port:
        words = documented(1, stage, f"pzem://{port}", tmp_path / "out")
        code, said, told = stage.run(*words, "--json")
    assert code == 0, told
    summary = json.loads(said)
    assert summary["stored"] and summary["reasons"] == []
    assert [point["step"] for point in summary["points"]] == ["medium", "low_pf_other"]
    assert all(abs(point["error_percent"]) < 0.2 and point["passed"] for point in summary["points"])
    (pulses,) = summary["pulses"]
    # a minute of 1,200 W is twenty pulses: too few to tell
    assert (pulses["imp_per_kwh"], pulses["passed"]) == (1000, None) and 19 <= pulses["pulses"] <= 21
    assert summary["values"]["R"] == meter.record.phases[0]
    assert "more than a quarter of the limit" in check_report(tmp_path / "out")


def test_a_person_calibrates_with_what_they_read(stage: Stage, meter: WorldMeter, tmp_path: Path) -> None:
    stage.person.leaves_out = {"starting current"}
    code, _, told = stage.run(*documented(2, stage, "", tmp_path / "out"), "--who", "a person")
    assert code == 0, told
    assert meter.record is not None and meter.record.who == "a person"
    assert meter.record.reference == "UT230, ±0.5 %"
    assert re.search(r"R: starting current\s*left out\s*not tested", check_report(tmp_path / "out"))


def test_without_a_load_of_low_power_factor_all_but_the_phase_is_calibrated(
    stage: Stage, meter: WorldMeter, tmp_path: Path
) -> None:
    stage.person.leaves_out = {"low power factor", "low power factor, another load"}
    code, _, told = stage.run(*documented(2, stage, "", tmp_path / "out"))
    assert code == 0 and "phase_mdeg" not in meter.record.phases[0], told
    assert "the phase angle was not calibrated: no load of low power factor was measured" in told
    text = check_report(tmp_path / "out", "no_load light high medium")
    assert "Below power factor 1 nothing was verified." in text


def test_a_verification_that_fails_exits_1_and_says_why(
    stage: Stage, meter: WorldMeter, tmp_path: Path
) -> None:
    meter.world.driver.ignored = ("phase_mdeg",)
    code, said, told = stage.run(*documented(2, stage, "", tmp_path / "out"), "--json")
    assert code == 1
    assert json.loads(said)["stored"] is False and meter.record is None
    assert re.search(r"keiki: not stored: phase R, low power factor, another load: [+-]\d\.\d+ % ±", told)
    assert "Not passed: the meter keeps the values from before." in check_report(
        tmp_path / "out", "no_load light high medium"
    )


def test_a_finished_calibration_only_writes_its_report_again(
    stage: Stage, meter: WorldMeter, tmp_path: Path
) -> None:
    words = documented(2, stage, "", tmp_path / "out")
    assert stage.run(*words)[0] == 0
    (tmp_path / "out" / "report.html").unlink()
    record, asked = meter.record, len(stage.person.shows)
    code, _, told = stage.run(*words)
    assert code == 0 and "only its report is written again" in told
    assert (meter.record, len(stage.person.shows)) == (record, asked)
    check_report(tmp_path / "out")


def test_loads_that_do_not_fit_are_asked_for_again_and_refused_the_third_time(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOADS, "high load", (300.0, 1.0))
    code, _, told = stage.run(*documented(2, stage, "", tmp_path / "out"))
    assert code == 1 and stage.person.shows.count("high load") == 3
    assert told.count("The load of 300.0 W is too small: 500 W at least.") == 2
    assert told.endswith("keiki: phase R, high load: the load of 300.0 W is too small: 500 W at least\n")


def test_when_nobody_answers_it_says_so(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        code, _, told = stage.run(*documented(2, stage, "", tmp_path / "out"))
    assert code == 1 and told.endswith("keiki: nobody answers: standard input has ended\n")


def test_without_the_extra_it_says_what_to_install(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        inside = name.startswith("keiki_host.calibrate.") and not name.endswith(".errors")
        if name == "numpy" or inside:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numpy", None)
    import keiki_host.calibrate

    monkeypatch.delattr(keiki_host.calibrate, "command")
    code, _, told = stage.run(*documented(2, stage, "", tmp_path / "out"))
    assert code == 1
    assert (
        told == "keiki: calibrate: numpy is missing; install it with pip install 'keiki-meter[calibrate]'\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--meter", "tcp://x"), 2, "meter: 'tcp://x' is neither unix:///PATH nor serial:///dev/PORT"),
        (
            ("--reference", "ftp:"),
            2,
            "reference: 'ftp:' is none of visa://RESOURCE, pzem:///dev/PORT or manual:",
        ),
        (("--who", "x" * 61), 2, "who: longer than 60 characters"),
        (
            ("--meter", "unix:///nowhere"),
            1,
            "meter: unix:///nowhere: there is no such socket: does its bench run?",
        ),
        (("--reference", "pzem:///dev/nothing"), 1, "reference: /dev/nothing: it cannot be opened"),
    ],
)
def test_what_cannot_be_is_one_line(
    stage: Stage, tmp_path: Path, words: tuple[str, str], code: int, text: str
) -> None:
    every = {
        "--meter": stage.url,
        "--reference": "manual:",
        "--out": str(tmp_path / "out"),
        words[0]: words[1],
    }
    ended = stage.run("calibrate", *(word for pair in every.items() for word in pair))
    assert ended == (code, "", f"keiki: {text}\n")
