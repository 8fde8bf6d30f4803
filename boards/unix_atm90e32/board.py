"""The unix board with an ATM90E32AS (`keiki bench --ic atm90e32`). Data only."""

NAME = "unix_atm90e32"

# One ATM90E32AS on SPI: R on channel A, T on channel C. Divider 7 x 240 kohm : 1 kohm, current transformers
# of 2000 turns on 12 ohm; the gains follow from them.
METERING = {
    "ic": "atm90e32",
    "spi": 0,
    "cs": 0,
    "line_hz": 50,
    "u_gain": 52801,
    "i_gain": 27962,
    "pga": 1,
    "cf": (7,),
}

RADIO = {"uart": 1, "baudrate": 115200, "dialect": "bp35c2"}

# 400 days of half-hours on 1 MiB of byte-programmable flash
FLASH = {"blocks": 256, "page": 1, "days": 400, "minute_days": 2}

RTC = {"i2c": 0, "chip": "ds3231"}

# A switch that closes when the cover is opened
TAMPER = {"pin": 0}

# A latching relay in the supply, its contact read back, and the button beside it
RELAY = {"open": 1, "close": 2, "contact": 3, "pulse_ms": 30, "button": 4}

# For test benches: a pulse every Wh, import and export alike
PULSE = {"pin": 6, "imp_per_kwh": 1000, "width_ms": 40}

# Rises when the mains go
BROWN_OUT = {"pin": 5}

# Long: in an emulated world each feeding costs a step. A board says what its chip can do.
WATCHDOG_MS = 600000
