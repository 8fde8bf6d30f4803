"""What each controller has chosen (E5, ED, EF), kept per controller and bounded."""

from keiki.wire.compat import const

DAY_NONE = const(0xFF)
"""E5 before it is set."""
WINDOW_NONE = b"\xff\xff\xff\xff\xff\xff\x01"
"""ED and EF before they are set."""


class Controller:
    """The choices of one controller; they stay until its session ends."""

    __slots__ = ("day", "half_hours", "minutes", "peer")

    def __init__(self) -> None:
        self.peer = None
        self.day = DAY_NONE
        self.half_hours = WINDOW_NONE
        self.minutes = WINDOW_NONE

    def is_blank(self) -> bool:
        """Tell whether nothing has been chosen."""
        return self.day == DAY_NONE and self.half_hours is WINDOW_NONE and self.minutes is WINDOW_NONE


class Controllers:
    """The choices of at most `size` controllers; the one idle longest is forgotten first.

    Only a controller whose set has been accepted takes a place: reading, or asking for
    something out of range, cannot push another one out.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept = []
        self.blank = Controller()

    def find(self, peer) -> Controller:
        """Return the choices of `peer`, or the blank ones, which `keep` must see after a set."""
        kept = self._kept
        last = len(kept) - 1
        for i in range(last, -1, -1):
            found = kept[i]
            if found.peer == peer:
                if i != last:
                    kept.append(kept.pop(i))
                return found
        if not self.blank.is_blank():  # the meter failed in the middle of a set: nobody has chosen this
            self.blank = Controller()
        return self.blank

    def keep(self, peer, controller: Controller) -> None:
        """Give `peer` a place of its own if a set has just written to the blank choices."""
        if controller is not self.blank or controller.is_blank():
            return
        self.blank = Controller()
        controller.peer = peer
        if len(self._kept) >= self._size:
            self._kept.pop(0)
        self._kept.append(controller)

    def forget_link(self, link: str) -> None:
        """Forget everybody on a link."""
        self._kept = [kept for kept in self._kept if kept.peer[0] != link]

    def __len__(self) -> int:
        return len(self._kept)
