"""The unix board: a meter whose lines lead to the emulated parts of `keiki bench`. Data only."""

NAME = "unix"

# Two BL0942 on one line: R phase at address 0, T phase at address 1.
METERING = {
    "ic": "bl0942",
    "uart": 0,
    "baudrate": 9600,
    "addresses": (0, 1),
    "scale": {"lsb_per_v_x1000": 15883000, "lsb_per_a_x1000": 251213000, "lsb_per_w_x1000": 623400},
}

RADIO = {"uart": 1, "baudrate": 115200, "dialect": "bp35c2"}
