"""The commands of a text module: one function each, arguments in, the whole reply out.

Ref: b-route.md E1.5, E1.7, E1.8, E2, E3, E4. The dispatcher has checked that the family has the command and
that the number of arguments is right; what is left is their format and range (ER06) and success (ER10).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from keiki.wire.sk.lines import SkError, ip_text, ll64, parse_hex, parse_ip, parse_mac

from keiki_host.bench.wisun.core import OK

if TYPE_CHECKING:
    from keiki_host.bench.wisun.text import TextModule

Handler = Callable[["TextModule", list[bytes]], bytes]


def number(text: bytes, digits: int, low: int = 0, high: int | None = None) -> int:
    """A hex argument of at most `digits` digits, fewer allowed; SkError ER06 otherwise or out of range."""
    value = parse_hex(text, digits)
    if value is None or value < low or (high is not None and value > high):
        raise SkError("ER06")
    return int(value)


def address(text: bytes) -> str:
    """An IPv6 argument in the full form; SkError ER06 otherwise."""
    ip = parse_ip(text)
    if ip is None:
        raise SkError("ER06")
    return str(ip)


def mac(text: bytes) -> bytes:
    """A MAC argument of 16 digits; SkError ER06 otherwise."""
    value = parse_mac(text)
    if value is None:
        raise SkError("ER06")
    return bytes(value)


def _ver(module: "TextModule", args: list[bytes]) -> bytes:
    return f"EVER {module.options.version}\r\n".encode() + OK


def _appver(module: "TextModule", args: list[bytes]) -> bytes:
    return f"EAPPVER {module.options.app_version}\r\n".encode() + OK


def _info(module: "TextModule", args: list[bytes]) -> bytes:
    radio = module.radio
    return bytes(module.core.dialect.einfo(radio.mac, radio.channel, radio.pan_id)) + OK


def _sreg(module: "TextModule", args: list[bytes]) -> bytes:
    if len(args) == 1:
        return b"ESREG " + module.registers.read(args[0]) + b"\r\n" + OK
    module.registers.write(args[0], args[1])
    return OK


def _scan(module: "TextModule", args: list[bytes]) -> bytes:
    if len(args) == 4:
        number(args[3], 1, 0, 0)
    module.scanner.start(number(args[0], 1), number(args[1], 8), number(args[2], 2))
    return OK


def _idle(module: "TextModule") -> None:
    """SkError ER10 while a scan has the radio."""
    if module.scanner.running:
        raise SkError("ER10")


def _start(module: "TextModule", args: list[bytes]) -> bytes:
    _idle(module)
    module.sessions.start()
    return OK


def _join(module: "TextModule", args: list[bytes]) -> bytes:
    _idle(module)
    module.sessions.join(address(args[0]))
    return OK


def _rejoin(module: "TextModule", args: list[bytes]) -> bytes:
    module.sessions.rejoin()
    return OK


def _term(module: "TextModule", args: list[bytes]) -> bytes:
    module.sessions.terminate()
    return OK


def _setpwd(module: "TextModule", args: list[bytes]) -> bytes:
    if number(args[0], 2, 1, 32) != len(args[1]):
        raise SkError("ER06")
    module.sessions.set_key(args[1], direct=False)
    return OK


def _setpsk(module: "TextModule", args: list[bytes]) -> bytes:
    number(args[0], 2, 16, 16)
    if len(args[1]) != 32:
        raise SkError("ER06")
    module.sessions.set_key(number(args[1], 32).to_bytes(16, "big"), direct=True)
    return OK


def _setrbid(module: "TextModule", args: list[bytes]) -> bytes:
    if len(args[0]) != 32 or not args[0].isalnum():
        raise SkError("ER06")
    module.sessions.set_id(args[0])
    return OK


def _ping(module: "TextModule", args: list[bytes]) -> bytes:
    if len(args) == 2:
        number(args[0], 1, 0, 0)
    module.udp.ping(address(args[-1]))
    return OK


def _ll64(module: "TextModule", args: list[bytes]) -> bytes:
    return str(ll64(mac(args[0]))).encode() + b"\r\n"


def _addnbr(module: "TextModule", args: list[bytes]) -> bytes:
    module.neighbors[address(args[0])] = mac(args[1])
    return OK


def _rmdev(module: "TextModule", args: list[bytes]) -> bytes:
    ip = ll64(mac(args[0])) if module.core.dialect.sided else address(args[0])
    if module.neighbors.pop(ip, None) is None:
        raise SkError("ER10")
    return OK


def _table(module: "TextModule", args: list[bytes]) -> bytes:
    tables: dict[int, Callable[[], list[str]]] = {
        0x1: lambda: ["EADDR", ip_text(module.radio.ip)],
        0x2: lambda: ["ENEIGHBOR", *(f"{ip} {m.hex().upper()}" for ip, m in module.neighbors.items())],
        0x9: lambda: ["ENBR"],
        0xA: lambda: ["ESEC"],
        0xE: lambda: ["EPORT", *(f"{port:04X}" for port in module.udp.ports)],
    }
    rows = tables.get(number(args[0], 1))
    if rows is None:
        raise SkError("ER06")
    return "".join(row + "\r\n" for row in rows()).encode() + OK


def _udpport(module: "TextModule", args: list[bytes]) -> bytes:
    module.udp.bind(number(args[0], 1), number(args[1], 4))
    return OK


def _save(module: "TextModule", args: list[bytes]) -> bytes:
    module.registers.save()
    return OK


def _load(module: "TextModule", args: list[bytes]) -> bytes:
    module.registers.load()
    return OK


def _erase(module: "TextModule", args: list[bytes]) -> bytes:
    module.registers.erase()
    return OK


def _reset(module: "TextModule", args: list[bytes]) -> bytes:
    module.restart()
    return OK


def _sleep(module: "TextModule", args: list[bytes]) -> bytes:
    module.sleep()
    return OK


def _ropt(module: "TextModule", args: list[bytes]) -> bytes:
    return b"OK %02X\r" % module.output_mode


def _wopt(module: "TextModule", args: list[bytes]) -> bytes:
    module.set_output_mode(number(args[0], 2, 0, 1))
    return b"OK\r"


def _ruart(module: "TextModule", args: list[bytes]) -> bytes:
    return b"OK %02X\r" % module.uart_mode


def _wuart(module: "TextModule", args: list[bytes]) -> bytes:
    value = number(args[0], 2, 0, 0xFF)
    if value & 0x07 > 6 or value >> 4 & 0x07 > 5 or value & 0x08:
        raise SkError("ER06")
    module.uart_mode = value
    return b"OK\r"


def _accepted(*shapes: int | None) -> Handler:
    """A command that is taken and changes nothing here; `shapes`: hex digits of each argument, None = any."""

    def handler(module: "TextModule", args: list[bytes]) -> bytes:
        for arg, digits in zip(args, shapes, strict=False):
            if digits is not None:
                number(arg, digits)
        return OK

    return handler


def _fails(*shapes: int | None) -> Handler:
    """A command that is understood and cannot succeed: TCP and the HAN side have no peer in this world."""
    check = _accepted(*shapes)

    def handler(module: "TextModule", args: list[bytes]) -> bytes:
        check(module, args)
        raise SkError("ER10")

    return handler


PRODUCT: dict[str, Handler] = {"ROPT": _ropt, "WOPT": _wopt, "RUART": _ruart, "WUART": _wuart}
"""Commands of the product around the stack: end in CR alone, and so do their replies."""

HANDLERS: dict[str, Handler] = {
    **PRODUCT,
    "SKVER": _ver,
    "SKAPPVER": _appver,
    "SKINFO": _info,
    "SKSREG": _sreg,
    "SKSCAN": _scan,
    "SKSTART": _start,
    "SKJOIN": _join,
    "SKREJOIN": _rejoin,
    "SKTERM": _term,
    "SKSETPWD": _setpwd,
    "SKSETPSK": _setpsk,
    "SKSETRBID": _setrbid,
    "SKPING": _ping,
    "SKLL64": _ll64,
    "SKADDNBR": _addnbr,
    "SKRMDEV": _rmdev,
    "SKTABLE": _table,
    "SKUDPPORT": _udpport,
    "SKSAVE": _save,
    "SKLOAD": _load,
    "SKERASE": _erase,
    "SKRESET": _reset,
    "SKDSLEEP": _sleep,
    "SKRFLO": _accepted(1),
    "SKREGDEV": _accepted(None),
    "SKSETKEY": _accepted(2),
    "SKRMKEY": _accepted(2),
    "SKSECENABLE": _accepted(1, None, 16),
    "SKTCPPORT": _accepted(1, 4),
    "SKCONNECT": _fails(None, 4, 4),
    "SKCLOSE": _fails(1),
    "SKSETHPWD": _accepted(16, None),
    "SKOPEN": _fails(4),
    "SKJOINFOR": _fails(16),
    "SKTERMFOR": _fails(16),
    "SKAUTOUPD": _fails(1),
}
