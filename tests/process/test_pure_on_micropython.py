"""Every pure test file runs under MicroPython too.

The heap is twice that of the firmware: the tests live in it too, compiled from source.
"""

import subprocess
from pathlib import Path

import pytest

PURE = Path(__file__).resolve().parent.parent / "pure"


@pytest.mark.parametrize("path", sorted(PURE.glob("test_*.py")), ids=lambda p: p.stem)
def test_pure_tests_pass_on_micropython(path: Path, micropython: str, mpy_env: dict[str, str]) -> None:
    done = subprocess.run(
        [micropython, "-X", "heapsize=320wK", str(PURE / "run.py"), str(path)],
        env=mpy_env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_runner_fails_on_failure_import_error_no_tests_and_async(
    tmp_path: Path, micropython: str, mpy_env: dict[str, str]
) -> None:
    bad = {
        "t_fail": "def test_a():\n    assert False\n",
        "t_import": "import no_such_module\n",
        "t_none": "x = 1\n",
        "t_async": "async def test_a():\n    pass\n",
    }
    for name, text in bad.items():
        (tmp_path / f"{name}.py").write_text(text)
        env = {**mpy_env, "MICROPYPATH": f"{tmp_path}:{mpy_env['MICROPYPATH']}"}
        done = subprocess.run(
            [micropython, str(PURE / "run.py"), str(tmp_path / f"{name}.py")],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1, (name, done.stdout)
