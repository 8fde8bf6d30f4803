"""What is measured now, in the units of the registers; None: the metering IC does not answer."""


class LiveValues:
    """Values over `metering` and `registers`; R is phase 0, T phase 1."""

    def __init__(self, metering, registers) -> None:
        self._metering = metering
        self._registers = registers

    def _snapshot(self):
        return None if self._metering.stale else self._metering.snapshot

    def import_wh(self) -> int:
        """Import, modulo 2**32."""
        return self._registers.import_wh_x1000 // 1000 & 0xFFFFFFFF

    def export_wh(self) -> int:
        """Export, modulo 2**32."""
        return self._registers.export_wh_x1000 // 1000 & 0xFFFFFFFF

    def _power_w(self, sign: int) -> "int | None":
        snapshot = self._snapshot()
        return None if snapshot is None else max(0, sign * ((sum(snapshot.power_w_x10) + 5) // 10))

    def import_w(self) -> "int | None":
        """Net power of all phases, while it is import."""
        return self._power_w(1)

    def export_w(self) -> "int | None":
        """Net power of all phases, while it is export."""
        return self._power_w(-1)

    def frequency(self) -> "int | None":
        """In 0.01 Hz."""
        snapshot = self._snapshot()
        return None if snapshot is None else snapshot.frequency_hz_x100[0]

    def current_ma(self) -> "int | None":
        """Sum of the currents of all phases: what the contract ampere is about."""
        snapshot = self._snapshot()
        return None if snapshot is None else sum(snapshot.current_ma)

    def voltage(self, phase: int) -> "int | None":
        """Of a phase, in 0.1 V."""
        snapshot = self._snapshot()
        return None if snapshot is None else (snapshot.voltage_v_x100[phase] + 5) // 10

    def current(self, phase: int) -> "int | None":
        """Of a phase, in mA."""
        snapshot = self._snapshot()
        return None if snapshot is None else snapshot.current_ma[phase]
