"""What the meter says unasked: D5 at link up, changes, each new half hour; INFC and its repeats."""

from echonet_talk import get, hx, put
from fake_view import START, FakeView
from keiki.wire.echonet import frame
from keiki.wire.echonet.node import Node

D5 = "0EF0010EF0017301D50401028801"


def node_of(**settings):
    view = FakeView(**settings)
    return Node(view), view


def sent_by(node):
    """Return what is to be sent as (peer, hex without header and TID)."""
    return [(peer, hx(datagram)[8:]) for peer, datagram in node.to_send()]


def half_hour(view, dest, esv="73", which="AB"):
    """Return the hex of a push of the newest half hour."""
    row = view.last_half_hour()
    time = "07EA0301" + f"{(view.time_s + 32400) // 3600 % 24:02X}{view.time_s // 1800 % 2 * 30:02X}00"
    text = "028801" + dest + esv + f"{len(which):02X}"
    for letter in which:
        text += "E" + letter + "0B" + time + f"{row[1 if letter == 'A' else 2] // 1000:08X}"
    return text


def next_slot(view):
    view.time_s = view.time_s // 1800 * 1800 + 1800


def test_the_instance_list_is_announced_when_a_link_comes_up():
    node, _ = node_of()
    node.link_up("udp4", None, 0)
    node.link_up("sk", "hems", 0)
    assert sent_by(node) == [(("udp4", None), D5), (("sk", "hems"), D5)]
    node.link_up("sk", "hems", 0)
    assert sent_by(node) == [(("sk", "hems"), D5)]


def test_tids_of_announcements_count_freely():
    node, _ = node_of()
    tids = []
    for _ in range(3):
        node.link_up("udp4", None, 0)
        tids.append(frame.decode(node.to_send()[0][1]).tid)
    assert tids == [1, 2, 3]


def test_nothing_is_pending_at_first():
    node, _ = node_of()
    node.link_up("sk", "hems", 0)
    node.to_send()
    assert node.next_ms(0) is None
    node.tick(0)
    assert node.to_send() == [] and node.next_ms(10**9) is None


def test_a_new_half_hour_is_pushed_once_to_everybody():
    node, view = node_of()
    node.link_up("udp4", None, 0)
    node.link_up("sk", "hems", 0)
    node.to_send()
    for i in range(1, 4):
        next_slot(view)
        assert node.next_ms(i * 1000) == 0
        node.tick(i * 1000)
        assert sent_by(node) == [
            (("udp4", None), half_hour(view, "0EF001")),
            (("sk", "hems"), half_hour(view, "05FF01")),
        ]
        node.tick(i * 1000 + 1)
        assert node.to_send() == [] and node.next_ms(i * 1000) is None
    assert node.stats["pushes"] == 3


def test_the_push_has_38_bytes():
    node, view = node_of()
    node.link_up("sk", "hems", 0)
    node.to_send()
    next_slot(view)
    node.tick(0)
    assert len(node.to_send()[0][1]) == 38


def test_the_push_waits_for_its_delay():
    node, view = node_of(delay_s=299)
    node.link_up("sk", "hems", 0)
    node.to_send()
    next_slot(view)
    view.time_s += 10
    node.tick(5000)
    assert node.to_send() == [] and node.next_ms(5000) == 289000
    node.tick(5000 + 288999)
    assert node.to_send() == []
    node.tick(5000 + 289000)
    assert sent_by(node) == [(("sk", "hems"), half_hour(view, "05FF01"))]


def test_a_half_hour_noticed_late_is_pushed_at_once():
    node, view = node_of(delay_s=60)
    node.link_up("sk", "hems", 0)
    node.to_send()
    view.time_s += 1800 + 61
    node.tick(0)
    assert len(node.to_send()) == 1


def test_a_clock_set_back_pushes_nothing_and_goes_on():
    node, view = node_of(time_s=START + 7200)
    node.link_up("sk", "hems", 0)
    node.to_send()
    view.time_s = START + 1800
    assert node.next_ms(0) is None
    node.tick(0)
    assert node.to_send() == []
    next_slot(view)
    node.tick(1)
    assert sent_by(node) == [(("sk", "hems"), half_hour(view, "05FF01"))]


def test_only_what_is_switched_on_is_pushed():
    node, view = node_of(push_eb=False)
    node.link_up("sk", "hems", 0)
    node.to_send()

    def pushed():
        next_slot(view)
        node.tick(0)
        return sent_by(node)

    assert pushed() == [(("sk", "hems"), half_hour(view, "05FF01", which="A"))]
    view.push_eb = True
    view.push_ea = False
    assert pushed() == [(("sk", "hems"), half_hour(view, "05FF01", which="B"))]
    view.reverse = False
    assert pushed() == []
    view.push_ea = True
    assert pushed() == [(("sk", "hems"), half_hour(view, "05FF01", which="A"))]


def confirm(node, datagram, peer):
    """Answer an INFC as a controller does."""
    push = frame.decode(datagram)
    names = [(epc, b"") for epc, _ in push.props]
    node.receive(frame.encode(push.tid, push.deoj, push.seoj, frame.INFC_RES, names), peer, 0)


def test_a_push_to_be_confirmed_goes_to_controllers_only():
    node, view = node_of(inf_mode="infc")
    node.link_up("udp4", None, 0)
    node.link_up("sk", "hems", 0)
    node.to_send()
    next_slot(view)
    node.tick(0)
    assert sent_by(node) == [
        (("udp4", None), half_hour(view, "0EF001")),
        (("sk", "hems"), half_hour(view, "05FF01", "74")),
    ]


def test_a_confirmed_push_is_not_repeated():
    node, view = node_of(inf_mode="infc")
    node.link_up("sk", "hems", 0)
    node.to_send()
    next_slot(view)
    node.tick(0)
    datagram = node.to_send()[0][1]
    assert node.next_ms(0) == 20000
    confirm(node, datagram, ("sk", "somebody else"))
    assert node.next_ms(0) == 20000
    confirm(node, datagram, ("sk", "hems"))
    assert node.next_ms(0) is None
    node.tick(10**6)
    assert node.to_send() == []
    assert node.stats["infc_res"] == 1 and node.stats["responses"] == 1
    confirm(node, datagram, ("sk", "hems"))
    assert node.stats["infc_res"] == 1 and node.stats["responses"] == 2


def test_an_unconfirmed_push_is_repeated_twice_and_given_up():
    node, view = node_of(inf_mode="infc")
    node.link_up("sk", "hems", 0)
    node.to_send()
    next_slot(view)
    node.tick(0)
    first = node.to_send()
    for now_ms in (20000, 40000):
        node.tick(now_ms - 1)
        assert node.to_send() == []
        node.tick(now_ms)
        assert node.to_send() == first
    assert node.next_ms(40000) == 20000
    node.tick(60000)
    assert node.to_send() == [] and node.next_ms(60000) is None
    assert node.stats["infc_lost"] == 1


def test_a_newer_push_takes_the_place_of_an_unconfirmed_one():
    node, view = node_of(inf_mode="infc")
    node.link_up("sk", "hems", 0)
    node.to_send()
    next_slot(view)
    node.tick(0)
    node.to_send()
    next_slot(view)
    node.tick(1000)
    second = node.to_send()
    node.tick(21000)
    assert node.to_send() == second


def test_the_end_of_a_session_ends_its_pushes_and_repeats():
    node, view = node_of(inf_mode="infc")
    node.link_up("udp4", None, 0)
    node.link_up("sk", "hems", 0)
    node.to_send()
    next_slot(view)
    node.tick(0)
    node.to_send()
    node.link_down("sk")
    assert node.next_ms(0) is None
    next_slot(view)
    node.tick(20000)
    assert [peer for peer, _ in sent_by(node)] == [("udp4", None)]


def test_receivers_are_bounded():
    view = FakeView()
    node = Node(view, peers_max=2)
    for i in range(5):
        node.link_up("sk", i, 0)
    node.to_send()
    next_slot(view)
    node.tick(0)
    assert [peer for peer, _ in sent_by(node)] == [("sk", 3), ("sk", 4)]


def test_a_change_of_fault_or_location_is_announced():
    node, view = node_of()
    node.link_up("udp4", None, 0)
    node.to_send()
    view.fault_status = 0x41
    assert node.next_ms(0) == 0
    node.tick(0)
    assert sent_by(node) == [(("udp4", None), "0288010EF0017301880141")]
    assert node.next_ms(0) is None
    assert put(node, 0x81, "61", peer=("udp4", "hems"))
    assert node.next_ms(0) == 0
    node.tick(0)
    assert sent_by(node) == [(("udp4", None), "0288010EF0017301810161")]
    view.fault_status = 0x42
    view.place = b"\x00"
    node.tick(0)
    assert sent_by(node) == [(("udp4", None), "0288010EF0017302810100880142")]
    assert get(node, 0x81) == "00"


def test_the_instance_list_of_a_controller_is_answered_with_ours():
    node, view = node_of()
    controller = bytes.fromhex("10810001" + "0EF0010EF001" + "7301D5040105FF01")
    node.receive(controller, ("udp4", "hems"), 0, True)
    assert sent_by(node) == [(("udp4", "hems"), D5)]
    view.answer_d5 = False
    node.receive(controller, ("udp4", "hems"), 0, True)
    assert node.to_send() == []


def test_our_own_announcements_coming_back_are_not_answered():
    node, view = node_of()
    node.link_up("udp4", None, 0)
    next_slot(view)
    node.tick(0)
    own = node.to_send()
    assert len(own) == 2
    for _, datagram in own:
        node.receive(datagram, ("udp4", "self"), 0, True)
    assert node.to_send() == [] and node.stats["inf"] == 2


def test_what_was_taken_to_send_stays_as_it_was():
    node = Node(FakeView())
    taken = node.to_send()
    node.link_up("udp4", None, 0)
    assert taken == [] and len(node.to_send()) == 1
