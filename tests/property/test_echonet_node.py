"""The node under hypothesis: never an exception, every answer well formed, a refused set changes nothing."""

from fake_view import START, FakeView
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from keiki.wire.echonet import frame
from keiki.wire.echonet.node import COUNTERS, Node

CTL = 0x05FF01
METER = 0x028801
PROFILE = 0x0EF001
SUCCESS = {frame.SETC: 0x71, frame.GET: 0x72, frame.INF_REQ: 0x73, frame.SETGET: 0x7E, frame.INFC: 0x7A}
REFUSAL = {frame.SETI: 0x50, frame.SETC: 0x51, frame.GET: 0x52, frame.INF_REQ: 0x53, frame.SETGET: 0x5E}
SETTABLE = (0x81, 0xE5, 0xED, 0xEF)

EPC = st.one_of(st.integers(0x80, 0xEF), st.sampled_from((*SETTABLE, 226, 228, 236, 238, 159)))
DATE = st.tuples(
    st.sampled_from([b"\x07\xea", b"\x00\x00", b"\xff\xff", b"\x27\x0f"]),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 24),
    st.sampled_from([0, 1, 30, 59, 60]),
    st.integers(0, 13),
).map(lambda date: date[0] + bytes(date[1:]))
EDT = st.one_of(st.binary(max_size=18), DATE, st.integers(0, 255).map(lambda value: bytes([value])))
PROPS = st.lists(st.tuples(EPC, EDT), min_size=1, max_size=8)
PEER = st.tuples(st.sampled_from(["sk", "udp4"]), st.integers(0, 12))


def state(node, peer):
    """Return what a Set can change, as the peer reads it."""
    props = [(epc, b"") for epc in SETTABLE]
    node.receive(frame.encode(9, CTL, METER, frame.GET, props), peer, 0)
    return dict(frame.decode(node.to_send()[0][1]).props)


def check_answer(request, sent, peer):
    """Check the form of the answers to one request."""
    tid, seoj, deoj, esv, props, gets = request
    present = [eoj for eoj in (METER, PROFILE) if deoj == eoj or deoj == eoj & 0xFFFF00]
    if esv == frame.SETI:
        assert len(sent) <= len(present)
    else:
        assert len(sent) == len(present)
    for (where, datagram), eoj in zip(sent, present, strict=False):
        assert where == peer and len(datagram) <= frame.PAYLOAD_MAX
        answer = frame.decode(datagram)
        assert (answer.tid, answer.seoj, answer.deoj) == (tid, eoj, seoj)
        assert [epc for epc, _ in answer.props] == [epc for epc, _ in props]
        assert [epc for epc, _ in answer.props_get or ()] == [epc for epc, _ in gets or ()]
        assert answer.esv in (SUCCESS.get(esv), REFUSAL.get(esv))
        refused = answer.esv == REFUSAL.get(esv)
        if esv in (frame.SETI, frame.SETC, frame.SETGET):
            for (epc, edt), (_, echo) in zip(props, answer.props, strict=True):
                assert echo in (b"", edt), epc
            if not refused:
                assert all(echo == b"" for _, echo in answer.props)
        reads = answer.props_get if gets is not None else answer.props
        if esv in (frame.GET, frame.INF_REQ):
            assert refused == any(edt == b"" for _, edt in reads)
        elif esv == frame.SETGET and not refused:
            assert all(edt for _, edt in reads)


class Talking(RuleBasedStateMachine):
    """Any mixture of good, odd and broken datagrams, links and time."""

    def __init__(self):
        super().__init__()
        self.view = FakeView()
        self.node = Node(self.view, peers_max=4)
        self.now_ms = 0

    @rule(raw=st.binary(max_size=80), peer=PEER, multicast=st.booleans())
    def noise(self, raw, peer, multicast):
        self.node.receive(raw, peer, self.now_ms, multicast)
        self.node.to_send()

    @rule(
        tid=st.integers(0, 0xFFFF),
        seoj=st.sampled_from([CTL, PROFILE, 0]),
        deoj=st.sampled_from([METER, METER, METER, PROFILE, 0x028800, 0x0EF000, 0x028802, 0x013001]),
        esv=st.sampled_from([0x60, 0x61, 0x62, 0x63, 0x6E, 0x74]),
        props=PROPS,
        gets=PROPS,
        peer=PEER,
    )
    def request(self, tid, seoj, deoj, esv, *, props, gets, peer):
        second = gets if esv == frame.SETGET else None
        fields = (tid, seoj, deoj, esv, props, second)
        before = state(self.node, peer)
        self.node.receive(frame.encode(*fields), peer, self.now_ms)
        sent = self.node.to_send()
        check_answer(fields, sent, peer)
        after = state(self.node, peer)
        may_change = set()
        if esv in (frame.SETI, frame.SETC, frame.SETGET) and deoj in (METER, 0x028800):
            results = frame.decode(sent[0][1]).props if sent else [(epc, b"") for epc, _ in props]
            for (epc, edt), (_, echo) in zip(props, results, strict=True):
                if echo == b"" and edt:
                    may_change.add(epc)
                    assert epc in SETTABLE
        for epc in SETTABLE:
            if epc in may_change:
                assert after[epc] in [edt for name, edt in props if name == epc]
            else:
                assert after[epc] == before[epc]

    @rule(esv=st.sampled_from([0x50, 0x51, 0x52, 0x53, 0x71, 0x72, 0x73, 0x7A]), props=PROPS, peer=PEER)
    def response(self, esv, props, peer):
        self.node.receive(frame.encode(1, PROFILE, METER, esv, props), peer, self.now_ms)
        for where, datagram in self.node.to_send():
            assert where == peer and frame.decode(datagram).esv == frame.INF

    @rule(link=st.sampled_from(["sk", "udp4"]), addr=st.one_of(st.none(), st.integers(0, 12)))
    def up(self, link, addr):
        self.node.link_up(link, addr, self.now_ms)
        assert [peer for peer, _ in self.node.to_send()] == [(link, addr)]

    @rule(link=st.sampled_from(["sk", "udp4"]))
    def down(self, link):
        self.node.link_down(link)
        assert self.node.to_send() == []

    @rule(seconds=st.integers(-4000, 90000), mode=st.sampled_from(["inf", "infc"]))
    def wait(self, seconds, mode):
        self.view.inf_mode = mode
        self.view.time_s = max(START - 100, self.view.time_s + seconds)
        self.now_ms += max(0, seconds * 1000)
        self.node.tick(self.now_ms)
        for _, datagram in self.node.to_send():
            push = frame.decode(datagram)
            assert push.esv in (frame.INF, frame.INFC) and all(edt for _, edt in push.props)

    @invariant()
    def it_is_bounded_and_serves(self):
        assert len(self.node.controllers) <= 4
        assert set(self.node.stats) == set(COUNTERS)
        due_ms = self.node.next_ms(self.now_ms)
        assert due_ms is None or due_ms >= 0
        self.node.receive(frame.encode(7, CTL, METER, frame.GET, [(0xE7, b"")]), ("sk", 0), self.now_ms)
        assert self.node.to_send() == [(("sk", 0), bytes.fromhex("1081000702880105FF017201E704000001F8"))]


TestTalking = Talking.TestCase
TestTalking.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


@given(st.integers(0, 10**14), st.integers(0, 999999), st.integers(1, 8), st.sampled_from(range(5)))
def test_a_count_is_energy_over_unit_and_coefficient_modulo_the_digits(wh_x1000, coefficient, digits, unit):
    view = FakeView(unit=unit, coefficient=coefficient, digits=digits)
    view.registers = lambda utc_s: (wh_x1000, wh_x1000)
    node = Node(view)
    node.receive(frame.encode(1, CTL, METER, frame.GET, [(0xE0, b""), (0xE3, b"")]), ("sk", 0), 0)
    forward, reverse = (edt for _, edt in frame.decode(node.to_send()[0][1]).props)
    kwh_x10_to_6 = {0: 10**6, 1: 10**5, 2: 10**4, 3: 10**3, 4: 10**2}[unit]
    expected = wh_x1000 // (kwh_x10_to_6 * max(1, coefficient)) % 10**digits
    assert int.from_bytes(forward) == int.from_bytes(reverse) == expected
