"""The meter as an ECHONET Lite node, without I/O: datagrams in, datagrams out, time as argument.

Document: ECHONET Lite specification part 2, 3.2.5 and 4.2.3. A peer is a hashable pair
(link, address); (link, None) is everybody on a multicast link.
"""

from keiki.wire.compat import const
from keiki.wire.echonet import class0288, frame, node_profile
from keiki.wire.echonet.announce import Announcer
from keiki.wire.echonet.answer import Answer
from keiki.wire.echonet.controllers import Controller, Controllers
from keiki.wire.echonet.frame import FrameError, ServiceError

_QUEUE_MAX = const(16)

_READS = (frame.GET, frame.INF_REQ)

_ANSWERS = {
    # ESV: success, failure; 0 = none
    frame.SETI: (0, frame.SETI_SNA),
    frame.SETC: (frame.SET_RES, frame.SETC_SNA),
    frame.GET: (frame.GET_RES, frame.GET_SNA),
    frame.INF_REQ: (frame.INF, frame.INF_SNA),
    frame.SETGET: (frame.SETGET_RES, frame.SETGET_SNA),
    frame.INFC: (frame.INFC_RES, 0),
}

COUNTERS: "tuple[str, ...]" = (
    "requests",  # to an object that is here, INFC of others included
    "answers",  # datagrams that answer one, refusals included
    "sna",  # requests refused in whole or in part
    "opc_limit",  # of them, those that asked for too many properties at once
    "malformed",  # not a frame of format 1
    "oversize",  # longer than one radio datagram
    "unsupported_esv",  # a service that is not defined
    "no_object",  # a request to an object that is not here
    "inf",  # announcements of others
    "responses",  # answers that nobody here waits for
    "infc_res",  # confirmations of an INFC of ours
    "infc_lost",  # INFC of ours given up after the last repeat
    "pushes",  # half hours announced
    "dropped",  # datagrams lost because nobody called to_send
)
"""The keys of `Node.stats`, which never change."""


class Node:
    """A node with one meter, 0x028801, and its profile, 0x0EF001.

    `view` is the meter as the class tables see it (meter/broute.py). Attributes that it may have:
    `meter_83` (83 on the meter object too; default False), `answer_d5` (a controller's instance
    list is answered with ours; default True), and the values that superclass.py offers.
    At most `peers_max` controllers keep their own E5, ED and EF, and as many receive pushes; the
    one idle longest is forgotten. `receive` never raises because of what a peer sent.
    """

    def __init__(self, view, *, peers_max: int = 8) -> None:
        self.view = view
        self.stats = dict.fromkeys(COUNTERS, 0)
        self.objects = {
            node_profile.EOJ: node_profile.make_table((class0288.EOJ,)),
            class0288.EOJ: class0288.TABLE,
        }
        self.controllers = Controllers(peers_max)
        self._buffer = Answer()
        self._out = []
        self._announcer = Announcer(
            view, self.objects, self._buffer, Controller(), self.stats, self._send, peers_max
        )

    def receive(
        self, data: "bytes | bytearray | memoryview", peer, now_ms: int, multicast: bool = False
    ) -> None:
        """Take one datagram from `peer`; its answer, if any, waits in `to_send`, addressed to `peer`.

        Answers to multicast requests go to the requester alone, so `multicast` changes nothing.
        """
        stats = self.stats
        if len(data) > frame.PAYLOAD_MAX:
            stats["oversize"] += 1
            return
        try:
            message = frame.decode(data)
        except ServiceError:
            stats["unsupported_esv"] += 1
            return
        except FrameError:
            stats["malformed"] += 1
            return
        if message.esv not in _ANSWERS:
            self._take_response(message, peer)
            return
        deoj = message.deoj
        if deoj in self.objects:
            self._serve(message, deoj, peer)
            return
        found = False
        if not deoj & 0xFF:
            for eoj in self.objects:
                if eoj >> 8 == deoj >> 8:
                    found = True
                    self._serve(message, eoj, peer)
        if not found:
            stats["no_object"] += 1

    def to_send(self) -> "list[tuple[object, bytes]]":
        """Return what is to be sent as (peer, datagram), oldest first, and forget it."""
        out = self._out
        self._out = []
        return out

    def link_up(self, link: str, peer_addr, now_ms: int) -> None:
        """Announce the instance list (D5) on a link and push half hours there from now on.

        `peer_addr` None: a link with multicast, announced to everybody. Otherwise the controller
        that has just joined. Calling again for the same peer announces again and keeps its choices.
        """
        self._announcer.add((link, peer_addr))

    def link_down(self, link: str) -> None:
        """Forget a link's controllers: their choices, their pushes, their unconfirmed INFC."""
        self._announcer.forget_link(link)
        self.controllers.forget_link(link)

    def tick(self, now_ms: int) -> None:
        """Announce a changed 81 or 88, push a new half hour when due, repeat an unconfirmed INFC."""
        self._announcer.tick(now_ms)

    def next_ms(self, now_ms: int) -> "int | None":
        """Return the milliseconds until `tick` has something to do, None if nothing is pending.

        A half hour, fault or location that is new since the last tick counts as due now.
        """
        return self._announcer.next_ms(now_ms)

    def _serve(self, request: frame.Frame, eoj: int, peer) -> None:
        """Carry out a request to one object and queue the answer."""
        stats = self.stats
        stats["requests"] += 1
        esv = request.esv
        buffer = self._buffer
        buffer.start()
        ok = True
        if esv == frame.INFC:
            buffer.names(request.props)
        elif self._asks_too_much(request):
            stats["opc_limit"] += 1
            ok = self._refuse(request)
        else:
            view = self.view
            table = self.objects[eoj]
            controller = self.controllers.find(peer)
            if esv in _READS:
                ok = buffer.gets(table, view, controller, request.props)
            else:
                ok = buffer.sets(table, view, controller, request.props)
                gets = request.props_get
                if gets is not None and not buffer.gets(table, view, controller, gets):
                    ok = False
                self.controllers.keep(peer, controller)
        if not ok:
            stats["sna"] += 1
        esv = _ANSWERS[esv][0 if ok else 1]
        if esv:
            stats["answers"] += 1
            self._send(peer, buffer.finish(request.tid, eoj, request.seoj, esv))

    def _asks_too_much(self, request: frame.Frame) -> bool:
        limit = self.view.opc_max()
        if not limit:
            return False
        return len(request.props) + len(request.props_get or ()) > limit

    def _refuse(self, request: frame.Frame) -> bool:
        """Write the refusal of a whole request: sets echoed, gets empty. Return False."""
        buffer = self._buffer
        if request.esv in _READS:
            buffer.names(request.props)
        else:
            buffer.sets(None, None, None, request.props)
            if request.props_get is not None:
                buffer.names(request.props_get)
        return False

    def _take_response(self, message: frame.Frame, peer) -> None:
        """Take an announcement or an answer; nothing is answered except a controller's D5."""
        stats = self.stats
        if message.esv == frame.INFC_RES and self._announcer.confirm(peer, message.tid):
            stats["infc_res"] += 1
            return
        if message.esv != frame.INF:
            stats["responses"] += 1
            return
        stats["inf"] += 1
        if message.seoj != node_profile.EOJ or not getattr(self.view, "answer_d5", True):
            return
        for epc, edt in message.props:
            if epc == 0xD5 and node_profile.names_controller(edt):
                self._announcer.instance_list(peer)
                return

    def _send(self, peer, datagram: bytes) -> None:
        if len(self._out) >= _QUEUE_MAX:
            self._out.pop(0)
            self.stats["dropped"] += 1
        self._out.append((peer, datagram))
