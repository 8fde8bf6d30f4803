"""The settings of a bench's meter from one bench to the next: settings.json in its state folder.

What somebody changes at the console is kept too, as it is on the meter's flash: the next bench says the same
ID and password as its meter, and gives the meter nothing that is older than what it has.
"""

import json
import os
from pathlib import Path
from typing import Any

from keiki.wire import settings as table

from keiki_host.bench.options import DLMS_KEYS, InputError

IDENTITY = (
    "serial", "maker", "production", "phases", "rating_a", "contract_a", "route_b_id", "route_b_password",
    *DLMS_KEYS,
)  # fmt: skip
"""What a factory reset leaves (keiki.meter.config)."""


class KeptSettings:
    """The file at `path`; it need not exist. InputError if what it holds cannot be."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        if path.exists():
            try:
                self._values = json.loads(path.read_text())
                if not isinstance(self._values, dict):
                    raise ValueError("not an object")
                table.checked(self._values)
            except (OSError, ValueError, TypeError, table.SettingError) as error:
                raise InputError(f"state: {path}: {error}") from None

    def start(self, made: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        """All settings of this start: what was asked for, over what was kept, over what the seed made."""
        self._keep({**made, **self._values, **asked})
        settings: dict[str, Any] = table.checked(self._values)
        return settings

    def provision(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What the meter is to be given at its start.

        Of the keys of a meter that has been here before only those that were asked for: a head-end may have
        given it others, which nobody else knows.
        """
        settings: dict[str, Any] = table.checked(self._values)
        if (self._path.parent / "flash.bin").exists():
            for name in set(DLMS_KEYS) - set(asked):
                del settings[name]
        return settings

    def hear(self, request: bytes, answer: bytes) -> None:
        """Take note of what the firmware did at its console."""
        try:
            asked, done = json.loads(request), json.loads(answer)
        except (ValueError, RecursionError):
            return
        if not isinstance(asked, dict) or "ok" not in done:
            return
        if asked.get("op") == "set":
            self._keep({**self._values, **dict(asked["values"])})
        elif asked.get("op") == "factory_reset":
            self._keep({name: self._values[name] for name in IDENTITY if name in self._values})

    def _keep(self, values: dict[str, Any]) -> None:
        """Write the file, whole or not at all, for nobody else to read."""
        self._values = values
        new = self._path.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(values, file)
        new.replace(self._path)
