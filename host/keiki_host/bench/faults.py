"""Faults of the emulated world, switched on by a file, at a time, or with a probability."""

from typing import Any


class Faults:
    """Which faults are active now; models ask, tests enable and disable."""

    def hit(self, name: str) -> dict[str, Any] | None:
        """Return the parameters of fault `name` if it strikes now, else None."""
        return None


NO_FAULTS = Faults()
