"""Raspberry Pi Pico 2 W with an ATM90E32AS, a Wi-SUN module and an SPI NOR flash. Data only."""

NAME = "rp2_pico2w_atm90e32"
CHIP = "rp2350"
IMAGE = "RPI_PICO2_W"

# R on channel A, T on channel C
FRONT_END = {
    "divider_top_ohm": 7 * 240_000,
    "divider_bottom_ohm": 1000,
    "ct_turns": 2000,
    "burden_mohm": 12_000,
}
RATING_A = 60
METERING = {
    "ic": "atm90e32",
    "spi": 0,
    "cs": 17,
    "line_hz": 50,
    "u_gain": 52801,
    "i_gain": 27962,
    "pga": 1,
    "cf": (6,),
}

UARTS = {1: {"tx": 4, "rx": 5}}
SPIS = {0: {"sck": 18, "mosi": 19, "miso": 16}, 1: {"sck": 10, "mosi": 11, "miso": 12}}
I2CS = {0: {"scl": 21, "sda": 20}}
ACTIVE_LOW = (2, 9, 14)

RADIO = {"uart": 1, "baudrate": 115200, "dialect": "bp35c2"}
WIFI = True
RTC = {"i2c": 0, "chip": "ds3231"}
TAMPER = {"pin": 2}
RELAY = {"open": 7, "close": 8, "contact": 9, "pulse_ms": 30, "button": 14}
PULSE = {"pin": 15, "imp_per_kwh": 1000, "width_ms": 40}
BROWN_OUT = {"pin": 3}
WATCHDOG_MS = 8000

# 400 days of half-hours on the first 1 MiB of a W25Q16
FLASH = {"blocks": 256, "page": 1, "days": 400, "minute_days": 2, "spi": 1, "cs": 13, "baudrate": 10000000}
