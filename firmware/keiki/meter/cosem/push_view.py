"""A push setup as an object of class 40: one for the values, one for alarms, one for the last gasp."""

from keiki.meter.cosem.views import change
from keiki.meter.push import BACKOFF_MAX_MS
from keiki.wire.compat import const
from keiki.wire.cosem.results import SCOPE_VIOLATED, AccessError

ALARMS = const(1)
_TCP, _UDP = 0, 1
_CLOCK = (8, b"\x00\x00\x01\x00\x00\xff", 2, 0)
_STATUS = (1, b"\x00\x00\x60\x0a\x01\xff", 2, 0)
_IMPORT = (3, b"\x01\x00\x01\x08\x00\xff", 2, 0)
_EXPORT = (3, b"\x01\x00\x02\x08\x00\xff", 2, 0)
_REGISTER = (1, b"\x00\x00\x61\x62\x00\xff", 2, 0)


class PushView:
    """`kind` is group B of the name: 0 values, 1 alarms, 3 last gasp. All go to the same receiver."""

    window = ()
    retries = 255
    repeat_s = BACKOFF_MAX_MS // 1000

    def __init__(self, kind: int, settings, push) -> None:
        self._kind = kind
        self._settings = settings
        self._push = push

    def columns(self) -> tuple:
        """What is sent, the name of this object first."""
        own = (40, bytes((0, self._kind, 25, 9, 0, 255)), 1, 0)
        return (own, _CLOCK) + ((_REGISTER,) if self._kind == ALARMS else (_STATUS, _IMPORT, _EXPORT))

    def destination(self) -> tuple:
        """Transport, host:port, and the form of the message: an xDLMS APDU."""
        datagrams = self._kind > ALARMS or self._settings.push_ack == "none"
        return _UDP if datagrams else _TCP, self._settings.push_to.encode(), 0

    def set_destination(self, value: tuple, _association) -> None:
        """Another receiver, at once; the transport stays as it is."""
        if value[0] != self.destination()[0] or value[2]:
            raise AccessError(SCOPE_VIOLATED)
        try:
            text = value[1].decode()
        except ValueError:
            raise AccessError(SCOPE_VIOLATED) from None
        change(self._settings, "push_to", text)

    def delay_s(self) -> int:
        """The window in which values leave; everything else leaves at once."""
        return 0 if self._kind else self._settings.push_window_s

    def set_delay_s(self, seconds: int, _association) -> None:
        """Another window."""
        change(self._settings, "push_window_s", seconds)

    def push(self, _value: int, _association) -> None:
        """Method push: what there is, now."""
        self._push.now()
