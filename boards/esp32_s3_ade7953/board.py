"""ESP32-S3-DevKitC-1 (N8, 8 MB) with two ADE7953 and a Wi-SUN module. Data only."""

NAME = "esp32_s3_ade7953"
CHIP = "esp32s3"
IMAGE = "ESP32_GENERIC_S3"

# A chip has one voltage input: one for R, one for T
FRONT_END = {"divider_top_ohm": 1_000_000, "divider_bottom_ohm": 1000, "ct_turns": 2000, "burden_mohm": 5000}
RATING_A = 60
METERING = {
    "ic": "ade7953",
    "spi": 1,
    "cs": (10, 14),
    "baudrate": 1000000,
    "polarity": 0,
    "phase": 0,
    "scale": {"lsb_per_v_x1000": 25520853, "lsb_per_a_x1000": 63865934, "lsb_per_w_x1000": 97151},
    "cf": (6, 7),
}

UARTS = {1: {"tx": 17, "rx": 18}}
SPIS = {1: {"sck": 12, "mosi": 11, "miso": 13}}
I2CS = {0: {"scl": 9, "sda": 8}}
ACTIVE_LOW = (4, 21, 38)

RADIO = {"uart": 1, "baudrate": 115200, "dialect": "bp35c2"}
WIFI = True
RTC = {"i2c": 0, "chip": "ds3231"}
TAMPER = {"pin": 4}
RELAY = {"open": 15, "close": 16, "contact": 21, "pulse_ms": 30, "button": 38}
PULSE = {"pin": 40, "imp_per_kwh": 1000, "width_ms": 40}
BROWN_OUT = {"pin": 5}
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
