"""What tests of a session between text modules do with a stick: scan, exchange a request, read EVENTs."""

from keiki_host.bench.wisun.core import DialectName

from tests.host.radio_world import Stick

DIALECTS: tuple[DialectName, ...] = ("bp35c2", "bp35a1")
METER = "FE80:0000:0000:0000:021D:1290:1234:5678"
REQUEST = b"request"
ANSWER = b"answer"


def numbers(output: bytes) -> list[str]:
    """Numbers of the EVENT lines, in order."""
    return [line.split()[1].decode() for line in output.split(b"\r\n") if line.startswith(b"EVENT")]


def scan(stick: Stick, mode: int = 2, duration: str = "6", ms: int = 300) -> bytes:
    side = " 0" if stick.module.core.dialect.sided else ""
    return stick.ask(f"SKSCAN {mode} FFFFFFFF {duration}{side}", ms)


def exchange(stick: Stick) -> bool:
    """A request gets to the meter and its answer back, secured."""
    world = stick.world
    stick.sendto(METER, REQUEST, sec=1, ms=100)
    heard = world.meter.take()
    world.meter.sendto(stick.ip, ANSWER, sec=1)
    world.run(100)
    return REQUEST.hex().upper().encode() in heard and ANSWER.hex().upper().encode() in stick.take()
