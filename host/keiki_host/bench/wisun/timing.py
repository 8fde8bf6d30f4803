"""How long joins and ends take: for tests and impatient people, and as on the air (b-route.md K)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """How long things take the PaC, milliseconds of its own clock."""

    join_ms: int
    refuse_ms: int
    end_ms: int
    end_timeout_ms: int


FAST = Timing(join_ms=300, refuse_ms=600, end_ms=40, end_timeout_ms=1000)
REAL = Timing(join_ms=9600, refuse_ms=38000, end_ms=300, end_timeout_ms=8000)
