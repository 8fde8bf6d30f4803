"""Calibration through the console of a real bench: the firmware takes trial values, and keeps a record."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.meter import ConsoleMeter, Reading, Record

from tests.bench_process import KEIKI, BenchProcess
from tests.conformance.desk import own_address
from tests.host.fake_instruments import Pzem


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with BenchProcess("--load", "constant:1300W", "--udp4", own_address()) as bench:
        yield bench.ready["meters"][0]["console"]


async def newest(meter: ConsoleMeter, after_ms: int = -1) -> Reading:
    """The second snapshot after a time of the meter's clock."""
    for _ in range(600):
        reading = await meter.reading()
        if reading.phases and reading.ticks_ms > after_ms + 1000:
            return reading
        await asyncio.sleep(0.05)
    raise AssertionError("no new snapshot")


def test_the_firmware_follows_trial_values_and_keeps_a_record(url: str) -> None:
    async def scenario() -> None:
        meter = ConsoleMeter(url)
        await meter.open()
        assert meter.serial and meter.rated_a == 60
        assert await meter.calibration() is None
        before = await newest(meter)
        assert before.ic == "bl0942" and before.ignored == ("phase_mdeg",) and len(before.phases) == 2
        assert [phase.power_w_x10 for phase in before.phases] == pytest.approx([6500, 6500], abs=5)

        await meter.calibrate([{"p_gain_ppm": 20000}, {}])
        trial = await newest(meter, before.ticks_ms)
        assert [phase.power_w_x10 for phase in trial.phases] == pytest.approx([6630, 6500], abs=5)
        assert trial.phases[0].import_wh_x1000 > before.phases[0].import_wh_x1000
        with pytest.raises(CalibrateError, match="calibrate: wrong arguments"):
            await meter.calibrate([{"p_gain_ppm": 300000}, {}])

        record = Record(
            phases=[{"p_gain_ppm": -20000}, {"v_gain_ppm": 7, "phase_mdeg": -1}],
            reference="r" * 100,
            date="2026-11-24",
            who="ユーザー" * 15,
            temperature_c_x10=-5,
        )
        await meter.store(record)
        assert await meter.calibration() == record
        stored = await newest(meter, trial.ticks_ms)
        assert [phase.power_w_x10 for phase in stored.phases] == pytest.approx([6370, 6500], abs=5)
        await meter.close()

    asyncio.run(scenario())


def test_the_command_refuses_a_load_that_is_on_and_ends_when_nobody_answers(url: str, tmp_path: Path) -> None:
    played = Pzem()
    played.registers[:5] = [1000, 6500, 0, 6500, 0]
    with played.serve() as port:
        done = subprocess.run(
            [KEIKI, "calibrate", "--meter", url, "--reference", f"pzem://{port}", "--out", tmp_path / "out"],
            input="\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert "650.0 W still flow: switch everything off." in done.stderr
    assert done.stderr.endswith("keiki: nobody answers: standard input has ended\n")
