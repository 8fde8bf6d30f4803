"""The unix board: a meter whose lines lead to the emulated parts of `keiki bench`. Data only."""

NAME = "unix"

# Two BL0942 on one line: R phase at address 0, T phase at address 1. Shunt 0.2 mohm (148 A), divider
# 5 x 390 kohm : 510 ohm; the scale follows from them.
METERING = {
    "ic": "bl0942",
    "uart": 0,
    "baudrate": 9600,
    "addresses": (0, 1),
    "scale": {"lsb_per_v_x1000": 15883341, "lsb_per_a_x1000": 50242693, "lsb_per_w_x1000": 124679},
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
