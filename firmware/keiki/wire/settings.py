"""The settings of a meter: one table, used by the firmware, the bench and the provisioning tools."""

SECRET = "secret"
LIVE = "live"
BOOT = "boot"


class SettingError(Exception):
    """A setting that cannot be: the text names the field and the reason, never a secret value."""


# name, kind, default, limits (range, choices or length), when a change takes hold, what it is
# A kind that ends in "?" may also be None (TOML has no null: write "absent").
FIELDS: "tuple[tuple, ...]" = (
    ("profile", "choice", "gen2", ("gen1", "gen2"), BOOT, "generation of class 0x0288: releases F.. or R"),
    ("serial", "ascii", "KEIKI0000001", (1, 12), BOOT, "serial number, EPC 8D"),
    ("maker", "hex", "000000", (3, 3), BOOT, "maker code, EPC 8A"),
    ("production", "date?", None, None, BOOT, "production date, EPC 8E (YYYY-MM-DD)"),
    ("phases", "int", 2, (1, 2), BOOT, "1 = two-wire, 2 = three-wire (R and T)"),
    ("rating_a", "int", 60, (10, 250), BOOT, "contract rating: what the plausibility gate is made from"),
    ("reverse", "bool", True, None, BOOT, "measures export: E3, E4, EB exist"),
    ("unit", "choice", 1, (0, 1, 2, 3, 4, 10, 11, 12, 13), LIVE, "unit of cumulative energy, EPC E1"),
    ("coefficient", "int?", 1, (0, 999999), LIVE, "coefficient, EPC D3 (absent: no such property)"),
    ("digits", "int", 6, (1, 8), LIVE, "effective digits, EPC D7"),
    (
        "opc_max",
        "int",
        0,
        (0, 255),
        LIVE,
        "most properties in one request, 0 = no limit (6 is the least allowed)",
    ),
    ("inf_mode", "choice", "inf", ("inf", "infc"), LIVE, "how 30-minute values are announced over radio"),
    ("push_ea", "bool", True, None, LIVE, "announce EA after hh:00 and hh:30"),
    ("push_eb", "bool", True, None, LIVE, "announce EB after hh:00 and hh:30"),
    (
        "push_delay_s",
        "int",
        5,
        (0, 299),
        LIVE,
        "seconds from the boundary to the announcement (limit 5 minutes)",
    ),
    ("answer_source_port", "bool", False, None, LIVE, "UDP: answer to the sender's port instead of 3610"),
    (
        "route_b_id",
        "hex-text",
        "00000000000000000000000000000000",
        (32, 32),
        SECRET,
        "B-route authentication ID",
    ),
    ("route_b_password", "ascii", "0000000KEIKI", (12, 12), SECRET, "B-route password"),
    ("session_s", "int", 86400, (60, 4294967295), BOOT, "lifetime of a B-route session"),
    ("channel", "int?", None, (33, 59), BOOT, "radio channel (33, 35 .. 59); absent: choose a quiet one"),
    ("pan_id", "int?", None, (0, 0xFFFE), BOOT, "PAN ID; absent: choose a free one"),
    ("sample_s", "int", 1, (1, 1800), LIVE, "seconds between two readings of the metering IC"),
    ("gap_s", "int", 30, (2, 1800), LIVE, "a boundary in a longer silence of the IC is recorded as missing"),
    ("import_start_wh", "int", 0, (0, 99999999999), BOOT, "import register when the meter was new"),
    ("export_start_wh", "int", 0, (0, 99999999999), BOOT, "export register when the meter was new"),
)


def _fail(name: str, reason: str) -> None:
    raise SettingError("%s: %s" % (name, reason))


def _date(name: str, value) -> str:
    parts = value.split("-") if isinstance(value, str) else ()
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        _fail(name, "not a date YYYY-MM-DD")
    year, month, day = (int(part) for part in parts)
    if not (1970 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= 31):
        _fail(name, "no such day")
    return value


def _text(name: str, kind: str, value, limits) -> str:
    if not isinstance(value, str):
        _fail(name, "not a text")
    if kind == "hex":
        if not all(c in "0123456789abcdefABCDEF" for c in value) or len(value) != 2 * limits[0]:
            _fail(name, "not %d bytes in hex" % limits[0])
        return value
    if not limits[0] <= len(value) <= limits[1]:
        _fail(
            name, "not %s characters" % ("%d" % limits[0] if limits[0] == limits[1] else "%d to %d" % limits)
        )
    if kind == "hex-text" and not all(c in "0123456789ABCDEF" for c in value):
        _fail(name, "not upper-case hex digits")
    if not all(33 <= ord(c) <= 126 for c in value):
        _fail(name, "not printable ASCII without spaces")
    return value


def check(name: str, value):
    """Return `value` as it is stored; SettingError names the field and the reason."""
    for field, full_kind, _default, limits, _when, _line in FIELDS:
        if field != name:
            continue
        kind = full_kind.rstrip("?")
        if kind != full_kind and (value is None or value == "absent"):
            return None
        if kind == "bool":
            if value is not True and value is not False:
                _fail(name, "not true or false")
        elif kind == "choice":
            if isinstance(value, bool) or value not in limits:
                _fail(name, "not one of %s" % ", ".join(str(choice) for choice in limits))
        elif kind == "int":
            if isinstance(value, bool) or not isinstance(value, int):
                _fail(name, "not a whole number")
            if not limits[0] <= value <= limits[1]:
                _fail(name, "not in %d..%d" % limits)
        elif kind == "date":
            _date(name, value)
        else:
            _text(name, kind, value, limits)
        if name == "channel" and value % 2 == 0:
            _fail(name, "not odd: some clients' modules cannot tune it")
        return value
    raise SettingError("%s: no such setting" % name)


def checked(values: dict) -> dict:
    """Return all settings: `values` over the defaults. SettingError at the first that is wrong."""
    settings = {}
    for field in FIELDS:
        settings[field[0]] = field[2]
    for name, value in values.items():
        settings[name] = check(name, value)
    return settings


def when(name: str) -> str:
    """Return LIVE, BOOT or SECRET for a setting that exists."""
    for field in FIELDS:
        if field[0] == name:
            return field[4]
    raise SettingError("%s: no such setting" % name)
