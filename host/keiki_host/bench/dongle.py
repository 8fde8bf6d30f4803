"""A controller's USB stick: a radio module behind a serial port that clients open. It lives in wall time."""

import asyncio
from typing import Literal

from keiki_host.bench.clock import WallScheduler
from keiki_host.bench.faults import Faults
from keiki_host.bench.pty import PtyLine
from keiki_host.bench.wisun.air import Air
from keiki_host.bench.wisun.core import DialectName, TextOptions
from keiki_host.bench.wisun.j11 import J11Module, J11Options
from keiki_host.bench.wisun.text import TextModule

Dwell = Literal["fast", "real"]


class Dongle:
    """`path` is what a client opens; `module` the emulated part behind it."""

    def __init__(
        self, dialect: DialectName | Literal["j11"], air: Air, faults: Faults, dwell: Dwell, noisy: bool
    ) -> None:
        self.dialect = dialect
        self._loop = asyncio.get_running_loop()
        self._line = PtyLine(self._receive)
        self.path = self._line.path
        scheduler = WallScheduler(self._loop)
        radio = air.radio(scheduler)
        self.module: TextModule | J11Module
        if dialect == "j11":
            self.module = J11Module(
                radio, scheduler, self._line.write, faults=faults, options=J11Options(dwell)
            )
        else:
            self.module = TextModule(
                dialect,
                radio,
                scheduler,
                self._line.write,
                faults=faults,
                options=TextOptions(dwell, noisy),
            )
        self._loop.add_reader(self._line.fileno(), self._line.pump)

    def _receive(self, data: bytes) -> None:
        self.module.receive(data)

    def close(self) -> None:
        """Pull it out."""
        self._loop.remove_reader(self._line.fileno())
        self._line.close()
