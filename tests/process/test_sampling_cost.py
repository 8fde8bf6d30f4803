"""The sampling loop on the heap of a board: what a sample of each metering IC costs, and that nothing grows.

`make bench` prints it. Microseconds are those of this computer.
"""

import json
import subprocess
from pathlib import Path

import pytest
from keiki_host.bench import firmware_image as images

from tests.host.ic_sessions import KINDS
from tests.process.sampling_record import record

HERE = Path(__file__).resolve().parent
NAMES = [name for name in KINDS if name != "atm90e32, 60 Hz"]
HEAP = "128wK"
ALLOCATED_MOST = {"ade7953, UART": 49152}
"""Bytes that a sample may leave to the collector; 16384 for the others. Words have 64 bits here."""


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image whose main program is sampling_main, started as the meter is."""
    packages, _, unix = images.firmware_paths()
    sources = images._sources(packages, HERE / "sampling_main.py", unix, unix)
    sources["ring.py"] = (HERE.parent / "pure" / "ring.py").read_bytes()
    folder = tmp_path_factory.mktemp("image")
    images._compile_all(sources, folder)
    return folder / images._START


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_costs_a_few_kilobytes_and_leaves_nothing(
    name: str, start: Path, tmp_path: Path, micropython: str, mpy_env: dict[str, str]
) -> None:
    recording = tmp_path / "recording"
    true_wh = record(name, recording)
    done = subprocess.run(
        [micropython, "-X", f"heapsize={HEAP}", str(start)],
        env={**mpy_env, "MICROPYPATH": ".frozen", "KEIKI_RECORDING": str(recording)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    print(
        f"{name}: {result['bytes']} bytes and {result['us']} us a sample of two phases "
        f"(most {result['most_us']} us), {result['used'][-1]} of {result['heap']} bytes in use"
    )
    first, *later = result["used"]
    assert later == [first] * 3
    assert result["bytes"] <= ALLOCATED_MOST.get(name, 16384)
    # it is the real loop: it has booked what flowed
    assert result["import_wh_x1000"] / 1000 == pytest.approx(true_wh, rel=0.005)
