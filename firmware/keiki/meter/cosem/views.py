"""What is behind objects that are tables of fields (wire/cosem/objects_device.py): clock, keys, switch.

A method called `set_` takes a new value; others are methods of the object. Each refuses with an AccessError.
"""

from keiki.meter import clock as clocks
from keiki.meter import eventlog, switch
from keiki.wire.cosem import datetime12
from keiki.wire.cosem.keywrap import unwrap
from keiki.wire.cosem.results import (
    DENIED,
    OTHER,
    SCOPE_VIOLATED,
    TEMPORARY_FAILURE,
    AccessError,
)
from keiki.wire.cosem.security import SecurityError
from keiki.wire.settings import SettingError

BROADCAST_KEY = 1
MASTER_KEY = 3


def change(settings, name: str, value) -> None:
    """Change a setting. AccessError if it cannot be."""
    try:
        settings.change({name: value})
    except SettingError:
        raise AccessError(SCOPE_VIOLATED) from None


class ClockView:
    """The clock: a time that is set is an offer of the head-end, and the clock's own rules hold for it."""

    time_zone = datetime12.JST_MIN
    dst_begin = dst_end = datetime12.UNSPECIFIED
    dst_deviation = dst_enabled = 0
    base = 1  # a crystal of its own

    def __init__(self, clock, ticks_ms) -> None:
        self._clock = clock
        self._ticks_ms = ticks_ms

    def status(self) -> int:
        """0; 2 if the clock is unsure."""
        return datetime12.STATUS_DOUBTFUL if self._clock.unsure else datetime12.STATUS_OK

    def time(self) -> bytes:
        """Now."""
        return datetime12.pack(self._clock.utc_s(), self.status())

    def set_time(self, value: bytes, association) -> None:
        """Offer the clock a time."""
        utc_s = datetime12.instant(value)
        if utc_s is None:
            raise AccessError(SCOPE_VIOLATED)
        self._offer(1000 * utc_s, association)

    def shift(self, seconds: int, association) -> None:
        """Offer the clock a time so many seconds from its own."""
        self._offer(self._clock.utc_ms() + 1000 * seconds, association)

    def _offer(self, utc_ms: int, association) -> None:
        source = "client %d" % association.client.sap
        if self._clock.offer(clocks.HEADEND, utc_ms, self._ticks_ms(), source) == clocks.REFUSED:
            raise AccessError(OTHER)


class SecurityView:
    """Keys of one client: `names` are the settings of its encryption and its authentication key.

    New keys come wrapped under `dlms_kek`, and hold when they are on flash: all of one request, or none.
    """

    policy = 3
    suite = 0
    client_title = b""

    def __init__(self, settings, names: "tuple[str, str]", title: bytes, events) -> None:
        self._settings = settings
        self._keys = {0: names[0], 2: names[1], MASTER_KEY: "dlms_kek"}
        self.server_title = title
        self._events = events

    def activate(self, policy: int, _association) -> None:
        """Method security_activate: a policy can only become stricter, and this one is the strictest."""
        if policy != self.policy:
            raise AccessError(DENIED)

    def transfer_keys(self, keys: list, _association) -> None:
        """Method key_transfer: pairs of key id and wrapped key."""
        kek = bytes.fromhex(self._settings.dlms_kek)
        changes = {}
        for number, wrapped in keys:
            name = self._keys.get(number)
            if name is None or name in changes or not any(kek):
                raise AccessError(DENIED)
            try:
                key = unwrap(kek, wrapped)
            except SecurityError:
                raise AccessError(OTHER) from None
            if len(key) != 16 or not any(key):
                raise AccessError(OTHER)
            changes[name] = key.hex()
        try:
            self._settings.change(changes)
        except SettingError:
            raise AccessError(OTHER) from None
        for number, _ in keys:
            self._events.add(eventlog.KEY_CHANGED, number)


class SwitchView:
    """The switch. The answer to an action waits until the relay has moved, and tells whether it has."""

    def __init__(self, relay_switch, settings) -> None:
        self._switch = relay_switch
        self._settings = settings

    def output_state(self) -> int:
        """What the contact says."""
        return int(self._switch.connected)

    def control_state(self) -> int:
        """0 disconnected, 1 connected, 2 ready for reconnection."""
        return self._switch.state.control

    def control_mode(self) -> int:
        """0 to 6."""
        return self._settings.disconnect_mode

    def set_control_mode(self, mode: int, _association) -> None:
        """Another mode holds at once."""
        change(self._settings, "disconnect_mode", mode)

    def disconnect(self, _value: int, association) -> None:
        """Method remote_disconnect."""
        self._ask(switch.REMOTE_DISCONNECT, association)

    def reconnect(self, _value: int, association) -> None:
        """Method remote_reconnect."""
        self._ask(switch.REMOTE_RECONNECT, association)

    def _ask(self, what: int, association) -> None:
        result = self._switch.ask(what)
        if result == switch.MOVING:
            association.wait_for(self._switch.settled)
        elif result != switch.DONE:
            raise AccessError(DENIED if result == switch.DENIED else TEMPORARY_FAILURE)


class DisconnectScripts:
    """Scripts 1, disconnect, and 2, reconnect, of a SwitchView."""

    def __init__(self, view: SwitchView) -> None:
        self._view = view

    def scripts(self) -> list:
        """Both scripts: the number, and an action on the switch."""
        return [(n, [(2, 70, b"\x00\x00\x60\x03\x0a\xff", n, None)]) for n in (1, 2)]

    def execute(self, number: int, association) -> None:
        """Carry out a script."""
        if not 1 <= number <= 2:
            raise AccessError(SCOPE_VIOLATED)
        (self._view.disconnect if number == 1 else self._view.reconnect)(0, association)


class NetworkView:
    """TCP-UDP setup and IPv4 setup of the address that is served."""

    ip_name = b"\x00\x00\x19\x01\x00\xff"
    link_name = b""
    segment_size = 576
    multicast = options = ()
    subnet = gateway = dns = dns_second = dhcp = 0

    def __init__(self, settings, address: "str | None", port: int, connections: int) -> None:
        self._settings = settings
        self.port = port
        self.connections = connections
        self.address = 0
        for part in (address or "0.0.0.0").split("."):
            self.address = self.address << 8 | int(part)

    def idle_s(self) -> int:
        """Inactivity time-out."""
        return self._settings.session_idle_s

    def set_idle_s(self, seconds: int, _association) -> None:
        """Another time-out holds for what connects from now on."""
        change(self._settings, "session_idle_s", seconds)
