"""Frames of ECHONET Lite that drive both encode and decode: (name, hex, fields)."""

from keiki.wire.echonet.frame import (
    GET,
    GET_RES,
    GET_SNA,
    INF,
    INF_REQ,
    INF_SNA,
    INFC,
    INFC_RES,
    SET_RES,
    SETC,
    SETC_SNA,
    SETGET,
    SETGET_RES,
    SETGET_SNA,
    SETI,
    SETI_SNA,
)

CTL = 0x05FF01
METER = 0x028801
PROFILE = 0x0EF001

# name, bytes, (tid, seoj, deoj, esv, props, props of the get list or None)
VECTORS = [
    ("get power", "1081000105FF010288016201E700", (1, CTL, METER, GET, [(0xE7, b"")], None)),
    (
        "power",
        "1081000102880105FF017201E704000001F8",
        (1, METER, CTL, GET_RES, [(0xE7, b"\x00\x00\x01\xf8")], None),
    ),
    (
        "start-up get",
        "1081000205FF01028801620482009D009E009F00",
        (2, CTL, METER, GET, [(0x82, b""), (0x9D, b""), (0x9E, b""), (0x9F, b"")], None),
    ),
    (
        "get refused in part",
        "1081000302880105FF015202D300D70106",
        (3, METER, CTL, GET_SNA, [(0xD3, b""), (0xD7, b"\x06")], None),
    ),
    ("select a day", "1081000405FF010288016101E50101", (4, CTL, METER, SETC, [(0xE5, b"\x01")], None)),
    ("day selected", "1081000402880105FF017101E500", (4, METER, CTL, SET_RES, [(0xE5, b"")], None)),
    ("day refused", "1081000402880105FF015101E50164", (4, METER, CTL, SETC_SNA, [(0xE5, b"\x64")], None)),
    ("set without answer", "1081000505FF010288016001E50101", (5, CTL, METER, SETI, [(0xE5, b"\x01")], None)),
    ("its refusal", "1081000502880105FF015001E50164", (5, METER, CTL, SETI_SNA, [(0xE5, b"\x64")], None)),
    (
        "ask for the list",
        "1081FFFF05FF010EF0016301D500",
        (0xFFFF, CTL, PROFILE, INF_REQ, [(0xD5, b"")], None),
    ),
    (
        "instance list",
        "108100010EF0010EF0017301D50401028801",
        (1, PROFILE, PROFILE, INF, [(0xD5, b"\x01\x02\x88\x01")], None),
    ),
    ("nothing to say", "108100000EF00105FF015301D600", (0, PROFILE, CTL, INF_SNA, [(0xD6, b"")], None)),
    (
        "half hour to be confirmed",
        "1081123402880105FF017402EA0B07EA03010C1E0000000001EB0B07EA03010C1E0000000002",
        (
            0x1234,
            METER,
            CTL,
            INFC,
            [
                (0xEA, b"\x07\xea\x03\x01\x0c\x1e\x00\x00\x00\x00\x01"),
                (0xEB, b"\x07\xea\x03\x01\x0c\x1e\x00\x00\x00\x00\x02"),
            ],
            None,
        ),
    ),
    (
        "half hour confirmed",
        "1081123405FF010288017A02EA00EB00",
        (0x1234, CTL, METER, INFC_RES, [(0xEA, b""), (0xEB, b"")], None),
    ),
    (
        "set and get",
        "1081000605FF010288016E01E5010001E200",
        (6, CTL, METER, SETGET, [(0xE5, b"\x00")], [(0xE2, b"")]),
    ),
    (
        "set and got",
        "1081000602880105FF017E01E50002D70108E10103",
        (6, METER, CTL, SETGET_RES, [(0xE5, b"")], [(0xD7, b"\x08"), (0xE1, b"\x03")]),
    ),
    (
        "set and get refused",
        "1081000602880105FF015E01E5016401E600",
        (6, METER, CTL, SETGET_SNA, [(0xE5, b"\x64")], [(0xE6, b"")]),
    ),
    (
        "a value of 255 bytes",
        "1081000702880105FF0172018" + "6FF" + "A5" * 255,
        (7, METER, CTL, GET_RES, [(0x86, b"\xa5" * 255)], None),
    ),
]


def fields(frame):
    """Return what the third column of VECTORS holds."""
    return frame.tid, frame.seoj, frame.deoj, frame.esv, frame.props, frame.props_get
