"""Raspberry Pi Pico with two BL0942 and a Wi-SUN module. Data only."""

NAME = "rp2_pico_bl0942"
CHIP = "rp2040"
IMAGE = "RPI_PICO"

# R phase at address 0, T phase at address 1, on one line
FRONT_END = {"divider_top_ohm": 5 * 390_000, "divider_bottom_ohm": 510, "ct_turns": 2000, "burden_mohm": 390}
RATING_A = 60
METERING = {
    "ic": "bl0942",
    "uart": 0,
    "baudrate": 9600,
    "addresses": (0, 1),
    "scale": {"lsb_per_v_x1000": 15883341, "lsb_per_a_x1000": 48986626, "lsb_per_w_x1000": 121562},
    "cf": (12, 13),
}

UARTS = {0: {"tx": 0, "rx": 1}, 1: {"tx": 4, "rx": 5}}
SPIS = {}
I2CS = {0: {"scl": 21, "sda": 20}}
ACTIVE_LOW = (10, 16, 17)

RADIO = {"uart": 1, "baudrate": 115200, "dialect": "bp35c2"}
WIFI = False
RTC = {"i2c": 0, "chip": "ds3231"}
TAMPER = {"pin": 10}
RELAY = {"open": 14, "close": 15, "contact": 16, "pulse_ms": 30, "button": 17}
PULSE = {"pin": 18, "imp_per_kwh": 1000, "width_ms": 40}
BROWN_OUT = {"pin": 11}
WATCHDOG_MS = 8000

# No flash of its own: segment files on the file system of the Pico, a checkpoint every 60 s
FLASH = {"folder": "log", "days": 100, "minute_days": 2}
