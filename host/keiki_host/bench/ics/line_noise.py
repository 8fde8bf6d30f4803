"""What a serial line does to a frame on its way: the damages that an IC model or a test can choose from."""

from collections.abc import Callable
from random import Random

Damage = Callable[[bytes, Random], bytes]


def noise(frame: bytes, dice: Random) -> bytes:
    """Up to 30 bytes of noise before the frame."""
    return dice.randbytes(dice.randint(1, 30)) + frame


def flip(frame: bytes, dice: Random) -> bytes:
    """One bit turned over."""
    at = dice.randrange(len(frame))
    return frame[:at] + bytes((frame[at] ^ 1 << dice.randrange(8),)) + frame[at + 1 :]


def half(frame: bytes, dice: Random) -> bytes:
    """The frame ends early, or begins late."""
    at = dice.randint(1, len(frame) - 1)
    return frame[:at] if dice.random() < 0.5 else frame[at:]


def _slip(frame: bytes, dice: Random, parity: int) -> bytes:
    bits: list[int] = []
    for byte in frame:
        data = [byte >> n & 1 for n in range(8)]
        bits += [0, *data, *[sum(data) & 1] * parity, 1]
    while True:
        at = dice.randrange(len(bits))
        changed = bits[:at] + [bits[at]] * (2 * dice.randrange(2)) + bits[at + 1 :]
        received = _receive(changed, 9 + parity)
        # why: one more stop bit is no damage
        if received != frame:
            return received


def _receive(bits: list[int], stop: int) -> bytes:
    """`stop` is where a byte has its stop bit; one that is wrong there or in its parity is delivered too."""
    result = bytearray()
    at = 0
    bits = bits + [1] * (stop + 1)
    while at < len(bits) - stop:
        if bits[at]:
            at += 1
            continue
        result.append(sum(bits[at + 1 + n] << n for n in range(8)))
        at += stop + 1 if bits[at + stop] else stop
    return bytes(result)


def slip(frame: bytes, dice: Random) -> bytes:
    """One bit too many or one missing: the receiver of 8E1 loses step until it finds it again."""
    return _slip(frame, dice, 1)


def slip_8n1(frame: bytes, dice: Random) -> bytes:
    """The same on a line without parity."""
    return _slip(frame, dice, 0)


def lost(_frame: bytes, _dice: Random) -> bytes:
    """Nothing arrives."""
    return b""


def stuck_low(frame: bytes, _dice: Random) -> bytes:
    """The line is low: the receiver takes it for zeros."""
    return bytes(len(frame))


def stuck_high(frame: bytes, _dice: Random) -> bytes:
    """The line floats high, and what gets through is ones."""
    return b"\xff" * len(frame)


GARBAGE: tuple[Damage, ...] = (noise, flip, half, slip)
GARBAGE_8N1: tuple[Damage, ...] = (noise, flip, half, slip_8n1)
