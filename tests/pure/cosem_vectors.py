"""APDUs of COSEM, each as its bytes and as the fields that apdu.encode takes: those of clients too."""

from keiki.wire.cosem import apdu

REGISTER = (3, b"\x01\x00\x01\x08\x00\xff", 2)
PROFILE = (7, b"\x01\x00\x63\x01\x00\xff", 2)
SWITCH = (70, b"\x00\x00\x60\x03\x0a\xff", 1)
ASSOCIATION = (15, b"\x00\x00\x28\x00\x00\xff", 1)

RANGE = bytes.fromhex(
    "01 0204 0204 120008 09060000010000FF 0F02 120000"
    "090C 07EA0301FF000000FFFDE400 090C 07EA0302FF000000FFFDE400 0100".replace(" ", "")
)
ENTRIES = bytes.fromhex("02 0204 0600000001 0600000030 120001 120000".replace(" ", ""))


def fields_of(layout):
    """Return the fields of a layout one by one; a list keeps its opening bracket."""
    found, at = [], 0
    while at < len(layout):
        end = layout.index("]", at) if layout[at] == "[" else at + 1
        found.append(layout[at:end])
        at = end + (layout[at] == "[")
    return found


_G, _S, _A = apdu.GET << 8, apdu.SET << 8, apdu.ACTION << 8
_GA, _SA, _AA = apdu.GET_ANSWER << 8, apdu.SET_ANSWER << 8, apdu.ACTION_ANSWER << 8

VECTORS = [
    # name, bytes, key, fields
    ("get", "C001C1 0003 0100010800FF 02 00", _G | 1, (0xC1, REGISTER, None)),
    ("get a range", "C001C1 0007 0100630100FF 02 01" + RANGE.hex(), _G | 1, (0xC1, PROFILE, RANGE)),
    ("get entries", "C001C1 0007 0100630100FF 02 01" + ENTRIES.hex(), _G | 1, (0xC1, PROFILE, ENTRIES)),
    ("get next", "C002C1 00000001", _G | 2, (0xC1, 1)),
    (
        "get with list",
        "C003C1 02 0003 0100010800FF 02 00 0007 0100630100FF 02 01" + ENTRIES.hex(),
        _G | 3,
        (0xC1, [(REGISTER, None), (PROFILE, ENTRIES)]),
    ),
    (
        "set",
        "C101C1 0007 0100630100FF 04 00 06 00000708",
        _S | 1,
        (0xC1, (7, PROFILE[1], 4), None, b"\x06\x00\x00\x07\x08"),
    ),
    (
        "set, first block",
        "C102C1 0007 0100630100FF 04 00 00 00000001 02 0600",
        _S | 2,
        (0xC1, (7, PROFILE[1], 4), None, 0, 1, b"\x06\x00"),
    ),
    ("set, last block", "C103C1 01 00000002 03 000708", _S | 3, (0xC1, 1, 2, b"\x00\x07\x08")),
    (
        "set with list, first block",
        "C104C1 01 0007 0100630100FF 04 00 00 00000001 00",
        _S | 4,
        (0xC1, [((7, PROFILE[1], 4), None)], 0, 1, b""),
    ),
    (
        "set with list",
        "C105C1 01 0007 0100630100FF 04 00 01 11 07",
        _S | 5,
        (0xC1, [((7, PROFILE[1], 4), None)], [b"\x11\x07"]),
    ),
    ("action", "C301C1 0046 000060030AFF 01 01 0F00", _A | 1, (0xC1, SWITCH, b"\x0f\x00")),
    ("action without parameter", "C301C1 0046 000060030AFF 01 00", _A | 1, (0xC1, SWITCH, None)),
    ("action next", "C302C1 00000007", _A | 2, (0xC1, 7)),
    ("action with list", "C303C1 01 0046 000060030AFF 01 01 0F00", _A | 3, (0xC1, [SWITCH], [b"\x0f\x00"])),
    (
        "action, first block",
        "C304C1 0046 000060030AFF 01 00 00000001 01 0F",
        _A | 4,
        (0xC1, SWITCH, 0, 1, b"\x0f"),
    ),
    (
        "action with list, first block",
        "C305C1 01 0046 000060030AFF 01 00 00000001 01 0F",
        _A | 5,
        (0xC1, [SWITCH], 0, 1, b"\x0f"),
    ),
    ("action, last block", "C306C1 01 00000002 01 00", _A | 6, (0xC1, 1, 2, b"\x00")),
    ("got", "C401C1 00 06 00000000", _GA | 1, (0xC1, b"\x06\x00\x00\x00\x00")),
    ("refused", "C401C1 01 03", _GA | 1, (0xC1, 3)),
    ("got a block", "C402C1 00 00000001 00 03 010203", _GA | 2, (0xC1, 0, 1, b"\x01\x02\x03")),
    ("got no block", "C402C1 01 00000002 01 13", _GA | 2, (0xC1, 1, 2, 19)),
    ("got a list", "C403C1 02 00 1107 01 04", _GA | 3, (0xC1, [b"\x11\x07", 4])),
    ("was set", "C501C1 00", _SA | 1, (0xC1, 0)),
    ("was taken", "C502C1 00000001", _SA | 2, (0xC1, 1)),
    ("was set with blocks", "C503C1 00 00000002", _SA | 3, (0xC1, 0, 2)),
    ("a list was set with blocks", "C504C1 02 0003 00000002", _SA | 4, (0xC1, [0, 3], 2)),
    ("a list was set", "C505C1 02 0003", _SA | 5, (0xC1, [0, 3])),
    ("was done", "C701C1 00 00", _AA | 1, (0xC1, 0, None)),
    ("was done and returns", "C701C1 00 01 00 0901AA", _AA | 1, (0xC1, 0, b"\x09\x01\xaa")),
    ("was done and returns nothing", "C701C1 00 01 01 0C", _AA | 1, (0xC1, 0, 12)),
    ("returns a block", "C702C1 01 00000001 02 0102", _AA | 2, (0xC1, 1, 1, b"\x01\x02")),
    ("a list was done", "C703C1 02 00 00 03 01 00 1107", _AA | 3, (0xC1, [(0, None), (3, b"\x11\x07")])),
    ("go on", "C704C1 00000001", _AA | 4, (0xC1, 1)),
    ("notification", "0F 00000001 00 0600000007", 0x0F00, (1, b"", b"\x06\x00\x00\x00\x07")),
    (
        "notification with time",
        "0F 40000001 0C 07EA0301FF000000FFFDE400 1100",
        0x0F00,
        (0x40000001, bytes.fromhex("07EA0301FF000000FFFDE400"), b"\x11\x00"),
    ),
    ("notification taken", "10 00000001 00", 0x1000, (1, b"")),
    ("no association", "0E 01 06 01", 0x0E00, (1, 6, 1)),
    ("exception", "D8 01 01", 0xD800, (1, (1, None))),
    ("exception with a counter", "D8 01 06 00000400", 0xD800, (1, (6, 0x400))),
]
