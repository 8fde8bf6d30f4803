"""What several folders of tests share: where things are, and the MicroPython to run."""

import gc
import os
import shutil
import sys
from pathlib import Path

import hypothesis
import pytest

# what scenarios of several files share fails as readably as what stands in a test file
pytest.register_assert_rewrite("tests.conformance")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def micropython() -> str:
    """Path of the MicroPython unix port: $MICROPYTHON, or the one beside this Python."""
    named = os.environ.get("MICROPYTHON") or shutil.which(
        "micropython", path=str(Path(sys.executable).parent)
    )
    assert named, "no micropython beside this Python: run `make test`"
    return named


@pytest.fixture(scope="session")
def mpy_env() -> dict[str, str]:
    """Environment in which MicroPython imports the firmware and the pure tests, and nothing else."""
    return {**os.environ, "MICROPYPATH": f"{ROOT}/firmware:{ROOT}/tests/pure:.frozen"}


# The same examples each time: `make test` finds nothing by luck. Search with HYPOTHESIS_PROFILE=search.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_collection_finish() -> None:
    """Spare the collector all that pytest holds: the firmware calls it as often as on a board."""
    gc.collect()
    gc.freeze()
