"""The unix board with two CSE7766 (`keiki bench --ic cse7766`). Data only."""

NAME = "unix_cse7766"

# Two CSE7766, each on a serial line of its own: R on 0, T on 2. Shunt 0.25 mohm (123 A), divider 1 Mohm :
# 1 kohm, as ratios to the chip's own reference board. It measures no direction: not for houses with panels.
METERING = {
    "ic": "cse7766",
    "uarts": (0, 2),
    "scale": {"ratio_v_x1000000": 1000000, "ratio_a_x1000000": 4000000},
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
