"""The node profile object 0x0EF001: what the node is and which objects it holds.

Document: ECHONET Lite specification part 2, 6.10.1 and 6.11.1.
"""

from keiki.wire.compat import const
from keiki.wire.echonet.epc import CAN_GET, CAN_INF, Table
from keiki.wire.echonet.superclass import ROWS, read_identification

EOJ = const(0x0EF001)
CONTROLLER_CLASS = const(0x05FF)

_VERSION = const(b"\x01\x0e\x01\x00")
"""Specification version 1.14, frame format 1 only."""


def make_table(instances: "tuple[int, ...]") -> Table:
    """Return the table of a node that holds these device objects (EOJs, at most 84)."""
    eojs = b""
    classes = b""
    class_count = 0
    for eoj in instances:
        raw = bytes((eoj >> 16, eoj >> 8 & 0xFF, eoj & 0xFF))
        eojs += raw
        if not any(raw[:2] == classes[i : i + 2] for i in range(0, len(classes), 2)):
            class_count += 1
            if class_count <= 8:
                classes += raw[:2]
    count = bytes((len(instances),))
    rows = (
        # EPC, access,            read,                                      write
        (0x82, CAN_GET,           _VERSION,                                  None),
        (0x83, CAN_GET,           read_identification,                       None),
        (0xD3, CAN_GET,           b"\x00\x00" + count,                       None),  # without the profile
        (0xD4, CAN_GET,           bytes((0, class_count + 1)),               None),  # with the profile
        (0xD5, CAN_GET | CAN_INF, count + eojs,                              None),
        (0xD6, CAN_GET,           count + eojs,                              None),
        (0xD7, CAN_GET,           bytes((min(class_count, 8),)) + classes,   None),
    )  # fmt: skip
    return Table(ROWS + rows)


def names_controller(edt: bytes) -> bool:
    """Tell whether an instance list (D5 or D6) holds a controller, class 0x05FF."""
    return any(edt[at] << 8 | edt[at + 1] == CONTROLLER_CLASS for at in range(1, len(edt) - 2, 3))
