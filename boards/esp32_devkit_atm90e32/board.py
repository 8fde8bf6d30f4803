"""ESP32-DevKitC (WROOM-32E, 4 MB) with an ATM90E32AS and a Wi-SUN module. Data only."""

NAME = "esp32_devkit_atm90e32"
CHIP = "esp32"
IMAGE = "ESP32_GENERIC"

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
    "spi": 2,
    "cs": 27,
    "line_hz": 50,
    "u_gain": 52801,
    "i_gain": 27962,
    "pga": 1,
    "cf": (36,),
}

UARTS = {1: {"tx": 17, "rx": 16}}
SPIS = {2: {"sck": 18, "mosi": 23, "miso": 19}}
I2CS = {0: {"scl": 22, "sda": 21}}
ACTIVE_LOW = (32, 33, 14)

RADIO = {"uart": 1, "baudrate": 115200, "dialect": "bp35c2"}
WIFI = True
RTC = {"i2c": 0, "chip": "ds3231"}
TAMPER = {"pin": 32}
RELAY = {"open": 25, "close": 26, "contact": 33, "pulse_ms": 30, "button": 14}
PULSE = {"pin": 13, "imp_per_kwh": 1000, "width_ms": 40}
BROWN_OUT = {"pin": 35}
WATCHDOG_MS = 30000

# 400 days of half-hours in 1 MiB of its own; name, type, subtype, offset, bytes
FLASH = {"blocks": 256, "page": 1, "days": 400, "minute_days": 2}
PARTITIONS = (
    ("nvs", "data", "nvs", 0x9000, 0x6000),
    ("phy_init", "data", "phy", 0xF000, 0x1000),
    ("factory", "app", "factory", 0x10000, 0x210000),
    ("vfs", "data", "fat", 0x220000, 0x20000),
    ("keiki", "data", 0x40, 0x240000, 0x100000),
    ("romfs", "data", 0x8F, 0x340000, 0xC0000),
)
