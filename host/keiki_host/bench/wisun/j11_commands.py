"""What a J11 module knows and answers without its radio: command table, settings, ports, credentials.

Ref: b-route.md E6.4, E6.6, E6.7. The module is modelled as an end device of the B-route only. Commands of
the HAN side, of firmware update, ping and neighbour discovery exist on the real module; here they are
answered 14 (not in this mode of operation).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from keiki_host.bench.wisun.air import CHANNELS, Radio, link_local
from keiki_host.bench.wisun.j11_codec import OK
from keiki_host.bench.wisun.pana import Credentials

BAD_COMMAND = 0x03
BAD_VALUE = 0x04
NO_SUCH_PEER = 0x06
PORT_OPEN = 0x0A
PORT_NOT_OPEN = 0x0B
NO_CONNECTION = 0x0E
BAD_LENGTH = 0x11
PORTS_FULL = 0x12
NOT_IN_THIS_MODE = 0x14
BUSY = 0x3D
NOT_SET_UP = 0x51
PANA_BUSY = 0x52

DUAL = 0x05
PORTS_MAX = 10
SYSTEM_PORTS = (716, 19788)
PAYLOAD_MAX = 1232
MASK_ALL = 0x0003FFF0


class State(IntEnum):
    """How far the module is; the value is the refusal of a command that does not go with it."""

    OFF = 0x37  # no initial settings yet
    IDLE = 0x10  # B-route not started
    UP = 0x34  # connected to the meter's PAN
    JOINED = 0x35  # PANA session


_ANY = frozenset(State)
_SET_UP = _ANY - {State.OFF}
_APART = frozenset({State.OFF, State.IDLE})
_LINKED = frozenset({State.UP, State.JOINED})


@dataclass(frozen=True)
class Command:
    """One row: least and greatest length of its data in bytes, the states that allow it, Dual mode only."""

    low: int
    high: int
    states: frozenset[State]
    b_route: bool = False


COMMANDS: dict[int, Command] = {
    0x0001: Command(0, 0, _ANY),
    0x0005: Command(2, 2, _LINKED),
    0x0006: Command(2, 2, _LINKED),
    0x0007: Command(0, 0, _LINKED),
    0x0008: Command(23, 22 + PAYLOAD_MAX, _LINKED),
    0x0009: Command(0, 0, _ANY),
    0x000E: Command(0, 0, _ANY),
    0x0011: Command(0, 0, _ANY),
    0x0051: Command(14, 14, _SET_UP),
    0x0053: Command(0, 0, frozenset({State.IDLE}), b_route=True),
    0x0054: Command(44, 44, frozenset({State.IDLE, State.UP}), b_route=True),
    0x0056: Command(0, 0, frozenset({State.UP}), b_route=True),
    0x0057: Command(0, 0, frozenset({State.JOINED}), b_route=True),
    0x0058: Command(0, 0, frozenset({State.UP}), b_route=True),
    0x0059: Command(0, 0, frozenset({State.JOINED}), b_route=True),
    0x005E: Command(0, 0, _LINKED, b_route=True),
    0x005F: Command(4, 4, _APART),
    0x006B: Command(0, 0, _ANY),
    0x00D2: Command(0, 0, frozenset({State.JOINED}), b_route=True),
    0x00D9: Command(0, 0, _ANY),
    0x00DB: Command(4, 4, _SET_UP),
    0x0100: Command(0, 0, _ANY),
    0x0107: Command(0, 0, _ANY),
    0x010A: Command(1, 1, _APART),
    0x010B: Command(0, 0, _ANY),
}

# Known to the real module, not played here.
_ELSEWHERE = frozenset(
    bytes.fromhex("0A 0B 12 13 25 26 28 29 2A 2B 2C 2D 2E 3A 3B 61 66 67 69 6A D1 D3 DA F0")
) | frozenset((0x0101, 0x0102, 0x0103, 0x0104, 0x0105, 0x0106, 0x0108, 0x0109, 0x0201, 0x0202))


def known(command: int) -> bool:
    """The real module has this command."""
    return command in COMMANDS or command in _ELSEWHERE


def sk_channel(channel: int) -> int:
    """SK channel 33, 35 .. 59 of a J11 channel 4..17: 922.5 + 0.4 k MHz (E4.13, E6.5)."""
    return CHANNELS[0] + 2 * (channel - 4)


def channels_of(mask: int) -> list[int]:
    """J11 channels of a scan mask: bit n = channel n."""
    return [channel for channel in range(4, 18) if mask >> channel & 1]


def rssi_byte(rssi_dbm: int) -> int:
    """RSSI as a byte: dBm + 256, within -104..-34 dBm."""
    return min(0xDE, max(0x98, rssi_dbm + 256))


class Memory:
    """All that a reset forgets, and the commands that need nothing else. `answer` is one of 0x20xx's data."""

    def __init__(self, radio: Radio, version: bytes) -> None:
        self._radio = radio
        self._version = version
        self.state = State.OFF
        self.settings = bytes.fromhex("FF00FF00")
        self.credentials: Credentials | None = None
        self.ports: list[int] = []
        self.meter: bytes | None = None
        self.flow_control = 0
        self._answers: dict[int, Callable[[bytes], bytes]] = {
            0x0001: self._status,
            0x0005: self._open,
            0x0006: self._close,
            0x0007: self._open_ports,
            0x0009: lambda _: bytes([OK]) + radio.ip,
            0x000E: lambda _: bytes([OK]) + radio.mac,
            0x0011: self._connections,
            0x0054: self._credentials,
            0x005E: lambda _: bytes([OK]) + radio.pan_id.to_bytes(2, "big"),
            0x005F: self._set_up,
            0x006B: lambda _: bytes([OK]) + version,
            0x0100: self._devices,
            0x0107: lambda _: bytes([OK]) + self.settings,
            0x010A: self._set_uart,
            0x010B: lambda _: bytes([OK, self.flow_control]),
        }

    @property
    def channel(self) -> int:
        """Channel 4..17 of the initial settings."""
        return self.settings[2]

    def refusal(self, command: int, size: int) -> int | None:
        """Why a known command with `size` bytes of data cannot be carried out now, or None."""
        row = COMMANDS.get(command)
        if row is None or (row.b_route and self.state is not State.OFF and self.settings[0] != DUAL):
            return NOT_IN_THIS_MODE
        if self.state not in row.states:
            return int(self.state)
        return None if row.low <= size <= row.high else BAD_LENGTH

    def answer(self, command: int, data: bytes) -> bytes | None:
        """Carry a command out; None if it is the radio's business."""
        carry_out = self._answers.get(command)
        return carry_out(data) if carry_out is not None else None

    def _status(self, _: bytes) -> bytes:
        blocks = {State.OFF: (2, 1), State.IDLE: (3, 1), State.UP: (3, 2), State.JOINED: (3, 3)}
        return bytes([OK, *blocks[self.state], 0x01])

    def _set_up(self, data: bytes) -> bytes:
        mode, sleep, channel, power = data
        if mode not in (1, 2, 3, DUAL) or sleep > 1 or not 4 <= channel <= 17 or power > 2:
            return bytes([BAD_VALUE])
        self.settings = data
        self.state = State.IDLE
        self._radio.channel = sk_channel(channel)
        return bytes([OK])

    def _credentials(self, data: bytes) -> bytes:
        data = data.upper()
        if not all(byte in b"0123456789ABCDEF" for byte in data[:32]) or not data.isalnum():
            return bytes([BAD_VALUE])
        self.credentials = Credentials.from_password(data[:32], data[32:])
        return bytes([OK])

    def _open(self, data: bytes) -> bytes:
        port = int.from_bytes(data, "big")
        if port == 0 or port in SYSTEM_PORTS:
            return bytes([BAD_VALUE])
        if port in self.ports:
            return bytes([PORT_OPEN])
        if len(self.ports) == PORTS_MAX:
            return bytes([PORTS_FULL])
        self.ports.append(port)
        return bytes([OK])

    def _close(self, data: bytes) -> bytes:
        port = int.from_bytes(data, "big")
        if port == 0 or port in SYSTEM_PORTS:
            return bytes([BAD_VALUE])
        if port not in self.ports:
            return bytes([PORT_NOT_OPEN])
        self.ports.remove(port)
        return bytes([OK])

    def _open_ports(self, _: bytes) -> bytes:
        return bytes([OK, len(self.ports)]) + b"".join(port.to_bytes(2, "big") for port in self.ports)

    def _connections(self, _: bytes) -> bytes:
        if self.meter is None:
            return bytes([OK, 0])
        pan_id = self._radio.pan_id.to_bytes(2, "big")
        return bytes([OK, 1, 1]) + self.meter + pan_id + bytes([0x01, 0x07, self._peer_state])

    def _devices(self, _: bytes) -> bytes:
        mode = 0 if self.state is State.OFF else self.settings[0]
        if self.meter is None:
            return bytes([OK, mode, 0])
        return bytes([OK, mode, 1]) + link_local(self.meter) + bytes([0x07, self._peer_state])

    def _set_uart(self, data: bytes) -> bytes:
        if data[0] > 1:
            return bytes([BAD_VALUE])
        self.flow_control = data[0]
        return bytes([OK])

    @property
    def _peer_state(self) -> int:
        return 2 if self.state is State.JOINED else 1
