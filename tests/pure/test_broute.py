"""The B-route service: what its radio says becomes a link of the node, and an event."""

from keiki.meter import eventlog
from keiki.meter.broute import LEAVE_REASONS, BRoute
from keiki.meter.eventlog import EventLog
from keiki.wire.sk import serving
from ring import RingLog


class Node:
    """Remembers its links."""

    def __init__(self):
        self.links = []

    def link_up(self, link, address, _now_ms):
        self.links.append((link, address))

    def link_down(self, link):
        self.links = [one for one in self.links if one[0] != link]

    def to_send(self):
        return []


class Desk:
    def __init__(self):
        self.now_s = 1767193200
        self.events = EventLog(RingLog(eventlog.SIZE, 64), lambda: self.now_s)
        self.node = Node()
        self.broute = BRoute(self.node, lambda: 0, None, self.events)

    def says(self, *event):
        """The radio says something; an hour later."""
        self.now_s += 3600
        self.broute._radio_event("radio", event)

    def logged(self):
        return [event[1:3] for event in self.events.newest(9)]


def test_a_session_that_ends_is_an_event_with_its_reason():
    for reason in LEAVE_REASONS[1:]:
        desk = Desk()
        desk.says("join", "FE80::1")
        assert desk.node.links == [("radio", "FE80::1")] and desk.logged() == []
        desk.says("leave", "FE80::1", reason)
        assert desk.node.links == []
        assert desk.logged() == [(eventlog.SESSION_ENDED, LEAVE_REASONS.index(reason))]


def test_every_reason_of_the_coordinator_has_its_number():
    for reason in serving._REASONS.values():
        assert reason in LEAVE_REASONS


def test_a_join_that_is_refused_is_an_event():
    desk = Desk()
    desk.says("refused", "FE80::1")
    assert desk.node.links == [] and desk.logged() == [(eventlog.AUTHENTICATION_FAILED, 0)]


def test_the_meter_is_announced_again_in_each_network_that_comes():
    class Udp:
        on_up = None

    desk, udp = Desk(), Udp()
    desk.broute.udp_up("udp4", udp)
    udp.on_up()
    udp.on_up()
    assert desk.node.links == [("udp4", None)] * 3
