"""Reference: a Yokogawa power meter of the WT310 family, on a network, USB, GPIB or a serial line.

Ref: WT310-17EN (commands :INPut, :INTEGrate, :NUMeric, :RATE), IM WT310-02EN and WT310E-02EN section 7.3
(accuracy at 45 to 66 Hz, twelve months after its calibration).
"""

import contextlib
from math import isfinite
from typing import Any, NamedTuple

import pyvisa
from pyvisa.resources import MessageBasedResource

from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.instrument import LostError, Retried
from keiki_host.calibrate.reference import Limits, Nonsense, Sample

TIMEOUT_S = 5.0
_ITEMS = ("U,1", "I,1", "P,1", "FU,1", "WH,1", "TIME")
_SET_UP = (
    ":COMM:REM ON",
    ":COMM:HEAD OFF",
    ":INP:VOLT:AUTO ON",
    ":INP:CURR:AUTO ON",
    ":RATE 500MS",
    ":INTEG:MODE NORM",
    ":NUM:FORM ASC",
    f":NUM:NORM:NUM {len(_ITEMS)}",
    *(f":NUM:NORM:ITEM{n} {item}" for n, item in enumerate(_ITEMS, 1)),
)
_ENERGY_STEP = 1e-4
_SHOWN = 80
"""Characters of what an instrument says of itself."""


class _Accuracy(NamedTuple):
    """Shares: of the reading, of the range, and of S at power factor 0."""

    reading: float
    range: float
    angle: float


_MODELS = (("WT310E", _Accuracy(0.001, 0.0005, 0.001)), ("WT310", _Accuracy(0.001, 0.001, 0.002)))
"""The first row that a model's name begins with."""


class _Line:
    """The resource, opened and set up. `begun` counts connections, each of which ends an integration."""

    def __init__(self, resource: str, backend: str, timeout_s: float) -> None:
        self.begun = 0
        self.identity = ("", "", "", "")
        self.crest_factor = 3.0
        self._resource = resource
        self._backend = backend
        self._timeout_ms = round(timeout_s * 1000)
        self._manager: pyvisa.ResourceManager | None = None
        self._open: MessageBasedResource | None = None

    def connect(self) -> None:
        self.begun += 1
        try:
            self._manager = pyvisa.ResourceManager(self._backend)
            opened: Any = self._manager.open_resource(
                self._resource, read_termination="\n", write_termination="\n", timeout=self._timeout_ms
            )
            self._open = opened
        except Exception as error:  # backends raise whatever their transports do
            self.disconnect()
            raise LostError(_reason(error)) from None
        fields = [field.strip() for field in self.ask("*IDN?").split(",")]
        self.identity = tuple((fields + [""] * 4)[:4])  # type: ignore[assignment]
        if not self.identity[1].startswith(_MODELS[-1][0]):
            said = repr(", ".join(fields))[:_SHOWN]
            raise CalibrateError(f"reference: {self._resource}: {said}: not of the WT310 family")
        for command in _SET_UP:
            self.tell(command)
        self.crest_factor = self.number(":INP:CFAC?")

    def disconnect(self) -> None:
        with contextlib.suppress(Exception):
            if self._open is not None:
                self._open.close()
        with contextlib.suppress(Exception):
            if self._manager is not None:
                self._manager.close()
        self._open = self._manager = None

    def tell(self, command: str) -> None:
        assert self._open is not None
        try:
            self._open.write(command)
        except Exception as error:
            raise LostError(_reason(error)) from None

    def ask(self, query: str) -> str:
        assert self._open is not None
        try:
            return self._open.query(query).strip()
        except Exception as error:
            raise LostError(_reason(error)) from None

    def number(self, query: str) -> float:
        """The last word of an answer: with a header before it, or without."""
        text = self.ask(query).split()[-1:]
        try:
            return float(text[0])
        except (IndexError, ValueError):
            raise LostError(f"{query} answered with {text}") from None


def _reason(error: Exception) -> str:
    """One line."""
    if isinstance(error, pyvisa.VisaIOError):
        return str(error.description).rstrip(".")
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return text.splitlines()[0] if text else type(error).__name__


class YokogawaReference:
    """A WT310, by its VISA resource. Its integrator gives the mean power of a window without gaps."""

    def __init__(self, resource: str, backend: str = "@py", timeout_s: float = TIMEOUT_S) -> None:
        self._line = _Line(resource, backend, timeout_s)
        self._retried = Retried(resource, self._line)
        self._begun = 0
        self._samples: list[Sample] = []

    async def open(self) -> str:
        """Connect and set it up: autoranging, its element 1; returns maker, model, serial number."""
        await self._retried.call(lambda: self._line.ask(":INP:VOLT:RANG?"))
        maker, model, serial, _ = self._line.identity
        return f"{maker} {model} {serial}"

    async def begin(self) -> None:
        """Start the integrator; ranges stay as they are while it runs."""
        self._samples = []

        def start() -> None:
            for command in (":INTEG:RES", ":INTEG:STAR"):
                self._line.tell(command)
            self._begun = self._line.begun

        await self._retried.call(start)

    async def read(self) -> Sample:
        """What it shows."""
        sample, _ = await self._retried.call(self._read)
        self._samples.append(sample)
        return sample

    async def end(self) -> Sample | None:
        """The mean by the integrator, if it has run all the time and resolves enough."""

        def stop() -> tuple[Sample, list[str]]:
            self._line.tell(":INTEG:STOP")
            return self._read()

        last, texts = await self._retried.call(stop)
        await self._retried.call(lambda: self._line.tell(":INTEG:RES"))
        hours = _number(texts[5]) / 3600
        energy_wh = _number(texts[4])
        if self._begun != self._line.begun or not self._samples or not hours > 0:
            return None
        if not abs(energy_wh) * _ENERGY_STEP >= _last_digit(texts[4]):
            return None
        count = len(self._samples)
        return Sample(
            v=sum(sample.v for sample in self._samples) / count,
            i=sum(sample.i for sample in self._samples) / count,
            p=energy_wh / hours,
            f=sum(sample.f or 0.0 for sample in self._samples) / count,
            limits=last.limits,
        )

    async def close(self) -> None:
        """Give its panel back, and disconnect."""
        with contextlib.suppress(CalibrateError):
            await self._retried.call(lambda: self._line.tell(":COMM:REM OFF"))
        await self._retried.close()

    def _read(self) -> tuple[Sample, list[str]]:
        texts = self._line.ask(":NUM:NORM:VAL?").split(",")
        if len(texts) != len(_ITEMS):
            raise LostError(f"{len(texts)} values came, not {len(_ITEMS)}")
        v, i, p, f = (_number(text) for text in texts[:4])
        if not (isfinite(v) and isfinite(i) and isfinite(p)):
            raise Nonsense(
                "reference: it shows no value: nothing is connected to it, or it is over its range"
            )
        return Sample(v, i, p, self._limits(v), f=f if isfinite(f) else None), texts

    def _limits(self, v: float) -> Limits:
        accuracy = next(row for name, row in _MODELS if self._line.identity[1].startswith(name))
        # at crest factor 6 the share of the range is twice that of 3
        share = accuracy.range * self._line.crest_factor / 3
        v_range, i_range = self._line.number(":INP:VOLT:RANG?"), self._line.number(":INP:CURR:RANG?")
        return Limits(
            v_rel=accuracy.reading,
            i_rel=accuracy.reading,
            p_rel=accuracy.reading,
            v=share * v_range,
            i=share * i_range,
            p=share * v_range * i_range,
            angle_rad=accuracy.angle,
        )


def _number(text: str) -> float:
    """A value; NAN, INF and what cannot be read are no finite number."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _last_digit(text: str) -> float:
    """What one step of the last digit of a number is worth: 0.01 of 12.34E+00."""
    mantissa, _, exponent = text.strip().upper().partition("E")
    decimals = len(mantissa.partition(".")[2])
    return float(10.0 ** (int(exponent or 0) - decimals))
