"""What the chips of boards can do: pins that a board may use, flash, watchdog, machine code.

Documents: ESP32, ESP32-S3 and ESP32-C3 datasheets (pins, strapping pins), RP2040 and RP2350 datasheets
(watchdog), MicroPython's quick references of the ports (buses).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """One chip.

    `pins` may be used, `inputs` of them have no driver and no pull. `uarts`, `spis`, `i2cs`: numbers of
    buses that are free (not the REPL's, not the flash's). `native` is mpy-cross's name of its machine code.
    `watchdog_ms` is the longest that it takes. `partitions`: flash is shared out by a partition table.
    """

    port: str
    native: str
    pins: frozenset[int]
    uarts: frozenset[int]
    spis: frozenset[int]
    i2cs: frozenset[int]
    watchdog_ms: int
    inputs: frozenset[int] = frozenset()
    partitions: bool = False


def _pins(most: int, *without: int) -> frozenset[int]:
    return frozenset(range(most + 1)) - frozenset(without)


_INT32_MS = 2**31 - 1
_BOTH = frozenset({0, 1})

CHIPS = {
    # not 0, 2, 5, 12, 15: strapping; 1, 3: REPL; 6 to 11: flash; 20, 24, 28 to 31 do not exist
    "esp32": Chip(
        "esp32", "xtensawin", _pins(39, 0, 1, 2, 3, *range(5, 13), 15, 20, 24, *range(28, 32)),
        uarts=frozenset({1, 2}), spis=frozenset({1, 2}), i2cs=_BOTH, watchdog_ms=_INT32_MS,
        inputs=frozenset({34, 35, 36, 37, 38, 39}), partitions=True,
    ),
    # not 0, 3, 45, 46: strapping; 19, 20: USB; 22 to 25 do not exist; 26 to 37: flash and PSRAM; 43, 44: REPL
    "esp32s3": Chip(
        "esp32", "xtensawin", _pins(48, 0, 3, *range(19, 21), *range(22, 38), *range(43, 47)),
        uarts=frozenset({1, 2}), spis=frozenset({1, 2}), i2cs=_BOTH, watchdog_ms=_INT32_MS, partitions=True,
    ),
    # not 2, 8, 9: strapping; 11 to 17: flash; 18, 19: USB; 20, 21: REPL
    "esp32c3": Chip(
        "esp32", "rv32imc", _pins(10, 2, 8, 9),
        uarts=frozenset({1}), spis=frozenset({1}), i2cs=frozenset({0}), watchdog_ms=_INT32_MS,
        partitions=True,
    ),
    # not 23, 24, 25, 29: the radio of a Pico W, and the power supply of a Pico
    "rp2040": Chip(
        "rp2", "armv6m", _pins(28, 23, 24, 25), uarts=_BOTH, spis=_BOTH, i2cs=_BOTH, watchdog_ms=8388
    ),
    "rp2350": Chip(
        "rp2", "armv7emsp", _pins(28, 23, 24, 25), uarts=_BOTH, spis=_BOTH, i2cs=_BOTH, watchdog_ms=16777
    ),
}  # fmt: skip
"""By the name that esptool has for it, where it knows it."""
