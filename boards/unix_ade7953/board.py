"""The unix board with two ADE7953 (`keiki bench --ic ade7953`). Data only."""

NAME = "unix_ade7953"

# The chip has one voltage input, and the legs of a 1P3W service have two voltages: one chip for R, one for T,
# on one SPI. Divider 1 Mohm : 1 kohm, current transformers of 2000 turns on 5 ohm (141 A); the scale follows.
METERING = {
    "ic": "ade7953",
    "spi": 0,
    "cs": (0, 1),
    "baudrate": 1000000,
    "polarity": 0,
    "phase": 0,
    "scale": {"lsb_per_v_x1000": 25520853, "lsb_per_a_x1000": 63865934, "lsb_per_w_x1000": 97151},
    "cf": (7, 8),
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
