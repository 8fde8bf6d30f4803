"""ESP32-C3-DevKitM-1 (4 MB) with two BL0942: the cheapest. B-route over Wi-Fi only. Data only."""

NAME = "esp32_c3_bl0942"
CHIP = "esp32c3"
IMAGE = "ESP32_GENERIC_C3"

# R phase at address 0, T phase at address 1, on one line
FRONT_END = {"divider_top_ohm": 5 * 390_000, "divider_bottom_ohm": 510, "ct_turns": 2000, "burden_mohm": 390}
RATING_A = 60
METERING = {
    "ic": "bl0942",
    "uart": 1,
    "baudrate": 9600,
    "addresses": (0, 1),
    "scale": {"lsb_per_v_x1000": 15883341, "lsb_per_a_x1000": 48986626, "lsb_per_w_x1000": 121562},
    "cf": (6, 7),
}

UARTS = {1: {"tx": 4, "rx": 5}}
SPIS = {}
I2CS = {}
ACTIVE_LOW = (3,)

RADIO = None
WIFI = True
RTC = None
TAMPER = {"pin": 3}
RELAY = None
PULSE = {"pin": 10, "imp_per_kwh": 1000, "width_ms": 40}
BROWN_OUT = {"pin": 1}
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
