"""The settings of a meter: one table, used by the firmware, the bench and the provisioning tools."""

from keiki.wire.compat import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "secret"
LIVE = "live"
BOOT = "boot"


class SettingError(Exception):
    """A setting that cannot be: the text names the field and the reason, never a secret value."""


# name, kind, default, limits (range, choices or length), when a change takes hold. New ones go to the end.
# A kind that ends in "?" may also be None (TOML has no null: write "absent"); "-" is None, or an empty text.
# One constant, because it is read a few times in a year and lies in the heap all the time; of bytes, because
# MicroPython looks for each piece of a text among all names that it knows: that was a second of each start.
_TABLE = const(b"""
profile choice gen2 gen1,gen2 boot
serial ascii KEIKI0000001 1,12 boot
maker hex 000000 3,3 boot
production date? - - boot
phases int 2 1,2 boot
rating_a int 60 10,250 boot
reverse bool true - boot
unit choice 1 0,1,2,3,4,10,11,12,13 live
coefficient int? 1 0,999999 live
digits int 6 1,8 live
opc_max int 0 0,255 live
inf_mode choice inf inf,infc live
push_ea bool true - live
push_eb bool true - live
push_delay_s int 5 0,299 live
answer_source_port bool false - live
route_b_id hex-text 00000000000000000000000000000000 32,32 secret
route_b_password ascii 0000000KEIKI 12,12 secret
session_s int 86400 60,4294967295 boot
channel int? - 33,59 boot
pan_id int? - 0,65534 boot
sample_s int 1 1,1800 live
gap_s int 30 2,1800 live
import_start_wh int 0 0,99999999999 boot
export_start_wh int 0 0,99999999999 boot
checkpoint_s int 10 1,3600 live
sntp_servers names - 0,4 boot
route_a bool true - boot
dlms_kek hex 00000000000000000000000000000000 16,16 secret
dlms_ek hex 00000000000000000000000000000000 16,16 secret
dlms_ak hex 00000000000000000000000000000000 16,16 secret
dlms_read_ek hex 00000000000000000000000000000000 16,16 secret
dlms_read_ak hex 00000000000000000000000000000000 16,16 secret
dlms_pdu int 1024 256,4096 boot
session_idle_s int 120 10,3600 live
push_to names - 0,1 live
push_window_s int 300 0,1500 live
push_ack choice confirm confirm,tcp,none live
disconnect_mode choice 4 0,1,2,3,4,5,6 live
contract_a int? - 5,250 live
limit_over_s int 5 1,3600 live
reclose_s int 10 1,86400 live
switch_per_hour int 6 1,60 live
short_clocks bool false - live
range_zone choice instant instant,japan live
""")


_WORDS = {
    word.encode(): word
    for word in (
        "ascii", "bool", "choice", "date?", "hex", "hex-text", "int", "int?", "names", BOOT, LIVE, SECRET,
    )
}  # fmt: skip


def _value(kind: str, word: bytes):
    if word == b"-":
        return None if kind[-1] == "?" else ""
    if kind[:3] == "int":
        return int(word)
    if kind == "bool":
        return word == b"true"
    return int(word) if kind == "choice" and word.isdigit() else str(word, "ascii")


def _row(line: bytes) -> "tuple":
    name, kind, default, limits, when = line.split()
    kind = _WORDS[kind]
    if limits == b"-":
        bounds = None
    else:
        of = "choice" if kind == "choice" else "int"
        bounds = tuple([_value(of, limit) for limit in limits.split(b",")])
    return str(name, "ascii"), kind, _value(kind, default), bounds, _WORDS[when]


def fields() -> "Iterator[tuple]":
    """Yield (name, kind, default, limits, LIVE | BOOT | SECRET) of every setting."""
    for line in _TABLE.split(b"\n"):
        if line:
            yield _row(line)


def names() -> "Iterator[str]":
    """Yield the name of every setting."""
    at = 1
    while at < len(_TABLE):
        yield str(_TABLE[at : _TABLE.find(b" ", at)], "ascii")
        at = _TABLE.find(b"\n", at) + 1


def _place(name: str) -> int:
    """Return where the line before a setting's ends. SettingError: there is no such setting."""
    at = _TABLE.find(b"\n" + name.encode() + b" ")
    if at < 0 or not name or " " in name:
        raise SettingError("%s: no such setting" % name)
    return at


def _field(name: str) -> "tuple":
    at = _place(name)
    return _row(_TABLE[at + 1 : _TABLE.find(b"\n", at + 1)])


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


def _names(name: str, value: str, most: int) -> str:
    words = value.split()
    if len(words) > most:
        _fail(name, "more than %d" % most)
    for word in words:
        if len(word) > 64 or not all(33 <= ord(c) <= 126 for c in word):
            _fail(name, "not names of up to 64 printable ASCII characters")
        port = word.partition("]")[2][1:] if word[0] == "[" else word.partition(":")[2]
        if port and ":" not in port and not (port.isdigit() and 0 < int(port) < 65536):
            _fail(name, "not a port from 1 to 65535 behind the name")
    return " ".join(words)


def _text(name: str, kind: str, value, limits) -> str:
    if not isinstance(value, str):
        _fail(name, "not a text")
    if kind == "names":
        return _names(name, value, limits[1])
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
    return _fitting(_field(name), value)


def _fitting(field: "tuple", value):
    name, full_kind, _default, limits, _when = field
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
        value = _text(name, kind, value, limits)
    if name == "channel" and value % 2 == 0:
        _fail(name, "not odd: some clients' modules cannot tune it")
    return value


def checked(*layers: dict) -> dict:
    """Return all settings: each layer over the one before, over the defaults.

    SettingError at the first that is wrong.
    """
    for values in layers:
        for name in values:
            _place(name)
    settings = {}
    for field in fields():
        name, _kind, value, _limits, _when = field
        for values in layers:
            if name in values:
                value = _fitting(field, values[name])
        settings[name] = value
    return settings


def number(name: str) -> int:
    """Return the place of a setting in the table; SettingError if there is none."""
    return _TABLE.count(b"\n", 0, _place(name))


def when(name: str) -> str:
    """Return LIVE, BOOT or SECRET for a setting that exists."""
    return _field(name)[4]
