"""The frames of the BL0942: what is sent, and finding the answer in what comes.

Document: Belling BL0942 datasheet V1.10 (UART protocol).
"""

from keiki.wire.compat import const

PACKET_LENGTH = const(23)
REG_MODE = const(0x19)

_WRITE = const(0xA8)
_HEAD = const(0x55)


def checksum(head: int, data, start: int, end: int) -> int:
    """Return the complement of the low byte of `head` (sum of what was sent) + data[start:end]."""
    for at in range(start, end):
        head += data[at]
    return ~head & 0xFF


def u24(data, at: int) -> int:
    """Return three bytes, the least first."""
    return data[at] | data[at + 1] << 8 | data[at + 2] << 16


def parse_packet(data, start: int, command: int) -> "tuple[int, int, int, int, int, int, int] | None":
    """Parse 23 bytes at `start`, the answer to `command` (0x58 | address).

    Returns (I_RMS, V_RMS, I_FAST_RMS, WATT signed, CF_CNT, FREQ, STATUS b9:0), or None if it is no packet.
    The checksum covers the command, but not the 0xAA after it. It is only 8 bits: that FREQ has 16 bits and
    STATUS 10 of their 24 is checked too.
    """
    if len(data) < start + PACKET_LENGTH or data[start] != _HEAD:
        return None
    if data[start + 18] or data[start + 20] > 3 or data[start + 21]:
        return None
    if checksum(command, data, start, start + 22) != data[start + 22]:
        return None
    watt = u24(data, start + 10)
    if watt & 0x800000:
        watt -= 0x1000000
    return (
        u24(data, start + 1),
        u24(data, start + 4),
        u24(data, start + 7),
        watt,
        u24(data, start + 13),
        data[start + 16] | data[start + 17] << 8,
        data[start + 19] | data[start + 20] << 8,
    )


def find_packet(data, length: int, command: int) -> int:
    """Return where a packet starts in data[:length]; if there is none, minus how many bytes to read next.

    Never asks for more than the earliest possible packet still lacks, so nothing of the next answer is read.
    """
    for at in range(length):
        if data[at] == _HEAD:
            if length - at < PACKET_LENGTH:
                return length - at - PACKET_LENGTH
            if parse_packet(data, at, command) is not None:
                return at
    return -PACKET_LENGTH


def find_mode(data, length: int, command: int) -> int:
    """As find_packet, for the 4-byte answer to a read of MODE (10 bits, so 14 bits are zero)."""
    for at in range(length - 3):
        zeros = data[at + 1] < 4 and not data[at + 2]
        if zeros and checksum(command + REG_MODE, data, at, at + 3) == data[at + 3]:
            return at
    return -max(1, 4 - length)


def build_write(address: int, register: int, value: int) -> bytes:
    """Build the frame that writes a 24-bit register."""
    frame = bytes((_WRITE | address, register, value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF))
    return frame + bytes((checksum(0, frame, 0, 5),))
