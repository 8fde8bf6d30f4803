"""What the meter says unasked: its instance list, changes of state, and each new half hour.

Document: ECHONET Lite specification part 2, 4.2.3.5 and 4.2.3.6; application interface
specification low-voltage smart meter - controller, 3.2.1 (push within five minutes of each
hh:00 and hh:30).
"""

from keiki.wire.compat import const
from keiki.wire.echonet import class0288, frame, node_profile

_CONTROLLER_EOJ = const(0x05FF01)
_REPEATS = const(2)
_REPEAT_MS = const(20000)


class _Pending:
    """An INFC that its receiver has not confirmed."""

    __slots__ = ("datagram", "due_ms", "left", "peer", "tid")

    def __init__(self, peer, tid: int, due_ms: int, datagram: bytes) -> None:
        self.peer = peer
        self.tid = tid
        self.due_ms = due_ms
        self.left = _REPEATS
        self.datagram = datagram


class Announcer:
    """Receivers of announcements, and the announcements that are due.

    `send(peer, datagram)` takes what goes out. A receiver (link, None) is a multicast link: it
    gets INF with the profile as destination; any other gets what the view's `inf_mode` says,
    addressed to a controller.
    """

    def __init__(self, view, objects: dict, answer, blank, stats: "dict[str, int]", send, size: int) -> None:
        self._view = view
        self._objects = objects
        self._answer = answer
        self._blank = blank
        self._stats = stats
        self._send = send
        self._size = size
        self._receivers = []
        self._pending = []
        self._tid = 0
        self._fault = view.fault()
        self._location = view.location()
        row = view.last_half_hour()
        self._slot_s = row[0] if row is not None else 0
        self._push_ms = None

    def add(self, peer) -> None:
        """Make `peer` a receiver and announce the instance list to it."""
        if peer not in self._receivers:
            if len(self._receivers) >= self._size:
                self._forget(self._receivers[0])
            self._receivers.append(peer)
        self.instance_list(peer)

    def forget_link(self, link: str) -> None:
        """Forget a link's receivers and what they have not confirmed."""
        for peer in [peer for peer in self._receivers if peer[0] == link]:
            self._forget(peer)

    def instance_list(self, peer) -> None:
        """Announce D5 of the node profile."""
        self._announce(peer, frame.INF, node_profile.EOJ, node_profile.EOJ, (0xD5,))

    def confirm(self, peer, tid: int) -> bool:
        """Take an INFC_Res; return False if nothing was waiting for it."""
        for pending in self._pending:
            if pending.tid == tid and pending.peer == peer:
                self._pending.remove(pending)
                return True
        return False

    def tick(self, now_ms: int) -> None:
        """Announce changes, push a new half hour when due, repeat or give up an INFC."""
        epcs = self._changed()
        if epcs:
            self._fault = self._view.fault()
            self._location = self._view.location()
            for peer in self._receivers:
                self._announce(peer, frame.INF, class0288.EOJ, _deoj(peer), epcs)
        self._notice_slot(now_ms)
        if self._push_ms is not None and now_ms >= self._push_ms:
            self._push_ms = None
            self._push(now_ms)
        for pending in self._pending[:]:
            if now_ms < pending.due_ms:
                continue
            if pending.left:
                pending.left -= 1
                pending.due_ms = now_ms + _REPEAT_MS
                self._send(pending.peer, pending.datagram)
            else:
                self._pending.remove(pending)
                self._stats["infc_lost"] += 1

    def next_ms(self, now_ms: int) -> "int | None":
        """Return the milliseconds until `tick` has something to do, None if nothing is pending."""
        row = self._view.last_half_hour()
        if (row is not None and row[0] > self._slot_s) or self._changed():
            return 0
        due_ms = self._push_ms
        for pending in self._pending:
            if due_ms is None or pending.due_ms < due_ms:
                due_ms = pending.due_ms
        return None if due_ms is None else max(0, due_ms - now_ms)

    def _changed(self) -> tuple:
        """Return the EPCs of the meter that have changed and must be announced."""
        location = self._view.location() != self._location
        if self._view.fault() != self._fault:
            return (0x81, 0x88) if location else (0x88,)
        return (0x81,) if location else ()

    def _notice_slot(self, now_ms: int) -> None:
        """Plan the push of a new half hour, `push_delay_s` after its boundary."""
        row = self._view.last_half_hour()
        if row is None:
            return
        if row[0] > self._slot_s:
            delay_s = self._view.push_delay_s()
            wait_s = min(max(row[0] + delay_s - self._view.now_s(), 0), delay_s)
            self._push_ms = now_ms + wait_s * 1000
        self._slot_s = row[0]

    def _push(self, now_ms: int) -> None:
        """Send EA, EB or both to every receiver."""
        view = self._view
        epcs = ()
        if view.push_ea:
            epcs += (0xEA,)
        if view.push_eb and view.reverse:
            epcs += (0xEB,)
        if not epcs:
            return
        self._stats["pushes"] += 1
        for peer in self._receivers:
            confirmed = view.inf_mode == "infc" and peer[1] is not None
            esv = frame.INFC if confirmed else frame.INF
            datagram = self._announce(peer, esv, class0288.EOJ, _deoj(peer), epcs)
            if confirmed:
                self._forget_pending(peer)
                self._pending.append(_Pending(peer, self._tid, now_ms + _REPEAT_MS, datagram))

    def _announce(self, peer, esv: int, seoj: int, deoj: int, epcs: tuple) -> bytes:
        """Send these properties and return the datagram; TIDs count freely."""
        self._tid = (self._tid + 1) & 0xFFFF
        answer = self._answer
        answer.start()
        answer.gets(self._objects[seoj], self._view, self._blank, [(epc, b"") for epc in epcs])
        datagram = answer.finish(self._tid, seoj, deoj, esv)
        self._send(peer, datagram)
        return datagram

    def _forget(self, peer) -> None:
        self._receivers.remove(peer)
        self._forget_pending(peer)

    def _forget_pending(self, peer) -> None:
        self._pending = [pending for pending in self._pending if pending.peer != peer]


def _deoj(peer) -> int:
    """Return the destination object: the controller, or the profile for everybody."""
    return node_profile.EOJ if peer[1] is None else _CONTROLLER_EOJ
