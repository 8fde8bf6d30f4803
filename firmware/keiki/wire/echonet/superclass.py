"""Rows of the device object super class that the meter and its node profile share.

Document: APPENDIX Detailed requirements for ECHONET device objects, 2.1. An optional property
exists when the view offers a value for it, so that the maps never promise what is not there.
"""

import struct

from keiki.wire.compat import const
from keiki.wire.echonet.epc import CAN_GET, CAN_INF, put

_TEXT_LEN = const(12)


def _offers(name: str):
    """Return an access rule: readable when the view has an attribute `name` that is not None."""

    def access(view) -> int:
        return CAN_GET if getattr(view, name, None) is not None else 0

    return access


def read_identification(view, controller, buf: bytearray, at: int) -> int:
    """Write 83: FE, maker code 3, 13 bytes of the maker's own."""
    buf[at] = 0xFE
    return put(view.unique, buf, put(view.maker, buf, at + 1))


def _read_fault_code(view, controller, buf: bytearray, at: int) -> int:
    return put(view.fault_code, buf, at)


def _read_fault(view, controller, buf: bytearray, at: int) -> int:
    buf[at] = view.fault()
    return at + 1


def _read_fault_description(view, controller, buf: bytearray, at: int) -> int:
    return put(view.fault_description, buf, at)


def _read_maker(view, controller, buf: bytearray, at: int) -> int:
    return put(view.maker, buf, at)


def _read_facility(view, controller, buf: bytearray, at: int) -> int:
    return put(view.facility, buf, at)


def _put_text(text: str, buf: bytearray, at: int) -> int:
    raw = text.encode()[:_TEXT_LEN]
    end = put(raw, buf, at)
    while end < at + _TEXT_LEN:
        buf[end] = 0
        end += 1
    return end


def _read_product(view, controller, buf: bytearray, at: int) -> int:
    return _put_text(view.product, buf, at)


def _read_serial(view, controller, buf: bytearray, at: int) -> int:
    return _put_text(view.serial, buf, at)


def _read_production(view, controller, buf: bytearray, at: int) -> int:
    struct.pack_into(">HBB", buf, at, *view.production)
    return at + 4


ROWS = (
    # EPC, access,                      read,                    write
    (0x80, CAN_GET | CAN_INF,           b"\x30",                 None),  # operating
    (0x86, _offers("fault_code"),       _read_fault_code,        None),  # 1..255 bytes
    (0x88, CAN_GET | CAN_INF,           _read_fault,             None),
    (0x89, _offers("fault_description"), _read_fault_description, None),  # 2 bytes
    (0x8A, CAN_GET,                     _read_maker,             None),
    (0x8B, _offers("facility"),         _read_facility,          None),  # 3 bytes
    (0x8C, _offers("product"),          _read_product,           None),  # 12 bytes
    (0x8D, _offers("serial"),           _read_serial,            None),  # 12 bytes
    (0x8E, _offers("production"),       _read_production,        None),
)  # fmt: skip
