"""Reference: a PZEM-004T version 3 on a serial port (Modbus RTU, 9600 8N1).

Document: PZEM-004T-10A/100A V3.0 user manual, section 2.3 (input registers 0 to 9). It states 0.5 % for
voltage, current, power and energy, and nothing for low power factors: 0.5 % of the apparent power is assumed.
It works from 80 to 260 V and 45 to 65 Hz, and answers only if the mains feed it: other values are not its
own.
"""

import contextlib
import logging

from pymodbus import ModbusException
from pymodbus.client import ModbusSerialClient

from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.instrument import LostError, Retried
from keiki_host.calibrate.reference import Limits, Sample

BAUD = 9600
_REGISTERS = 10
_V_X10, _HZ_X10 = (790, 2610), (440, 660)
"""What it measures, and a little more."""
_LIMITS = Limits(v_rel=0.005, i_rel=0.005, p_rel=0.005, v=0.05, i=0.0005, p=0.05, angle_rad=0.005)
"""With half a step of resolution: 0.1 V, 1 mA, 0.1 W."""


class _Line:
    def __init__(self, port: str, address: int, timeout_s: float) -> None:
        self._port = port
        self._address = address
        self._timeout_s = timeout_s
        self._client: ModbusSerialClient | None = None

    def connect(self) -> None:
        # why: pymodbus logs what is raised here as well
        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
        self._client = ModbusSerialClient(self._port, baudrate=BAUD, timeout=self._timeout_s, retries=1)
        if not self._client.connect():
            raise LostError("it cannot be opened")

    def disconnect(self) -> None:
        if self._client is not None:
            with contextlib.suppress(OSError):
                self._client.close()  # type: ignore[no-untyped-call]
            self._client = None

    def read(self) -> Sample:
        assert self._client is not None
        try:
            answer = self._client.read_input_registers(0, count=_REGISTERS, device_id=self._address)
        except (ModbusException, OSError):
            raise LostError("it does not answer") from None
        if answer.isError() or len(answer.registers) != _REGISTERS:
            raise LostError("it answers with an error")
        volts, low_a, high_a, low_w, high_w, _, _, hertz, factor, _ = answer.registers
        if not (_V_X10[0] <= volts <= _V_X10[1] and _HZ_X10[0] <= hertz <= _HZ_X10[1] and factor <= 100):
            raise CalibrateError(
                f"reference: {self._port}: {volts / 10:g} V, {hertz / 10:g} Hz, power factor "
                f"{factor / 100:g}: no PZEM-004T says that"
            )
        return Sample(
            v=volts / 10,
            i=(low_a | high_a << 16) / 1000,
            p=(low_w | high_w << 16) / 10,
            f=hertz / 10,
            limits=_LIMITS,
        )


class PzemReference:
    """A PZEM-004T by its serial port and Modbus address. It shows no sign of the power."""

    def __init__(self, port: str, address: int = 1, timeout_s: float = 1.0) -> None:
        self._name = f"PZEM-004T v3 at {port}, address {address}"
        self._line = _Line(port, address, timeout_s)
        self._retried = Retried(port, self._line)

    async def open(self) -> str:
        """Connect, and read it once; it has no serial number."""
        await self._retried.call(self._line.read)
        return self._name

    async def begin(self) -> None:
        """Nothing: it has no integrator fine enough (1 Wh)."""

    async def read(self) -> Sample:
        """What it shows."""
        return await self._retried.call(self._line.read)

    async def end(self) -> None:
        """Nothing better than the samples."""

    async def close(self) -> None:
        """Disconnect."""
        await self._retried.close()
