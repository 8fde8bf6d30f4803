"""E5, ED and EF belong to the controller that set them, and their number is bounded."""

from check import raises
from echonet_talk import ask, get, put
from fake_view import FakeView
from keiki.wire.echonet import frame
from keiki.wire.echonet.node import Node

OTHER = ("sk", "other")


def node_of(**settings):
    view = FakeView(**settings)
    return Node(view), view


def test_choices_are_kept_per_controller():
    node, _ = node_of()
    assert put(node, 0xE5, "01") and put(node, 0xE5, "02", peer=OTHER)
    assert put(node, 0xED, "07EA0301000001") and put(node, 0xEF, "07EA0301000005", peer=OTHER)
    assert get(node, 0xE5) == "01" and get(node, 0xE5, peer=OTHER) == "02"
    assert get(node, 0xE2)[:4] == "0001" and get(node, 0xE4, peer=OTHER)[:4] == "0002"
    assert get(node, 0xED, peer=OTHER) == "FFFFFFFFFFFF01" and get(node, 0xEF) == "FFFFFFFFFFFF01"
    assert get(node, 0xE5, peer=("udp4", "hems")) == "FF"


def test_a_refused_choice_takes_no_place():
    node, _ = node_of()
    put(node, 0xE5, "01")
    for i in range(20):
        peer = ("udp4", i)
        assert not put(node, 0xE5, "64", peer=peer)
        assert put(node, 0x81, "61", peer=peer)
        assert get(node, 0xE5, peer=peer) == "FF"
    assert len(node.controllers) == 1 and get(node, 0xE5) == "01"


def test_the_controller_idle_longest_is_forgotten():
    view = FakeView()
    node = Node(view, peers_max=3)
    for i in range(3):
        assert put(node, 0xE5, f"{i:02X}", peer=("udp4", i))
    assert get(node, 0xE5, peer=("udp4", 0)) == "00"
    assert put(node, 0xE5, "09", peer=("udp4", 9))
    assert [get(node, 0xE5, peer=("udp4", i)) for i in (0, 1, 2, 9)] == ["00", "FF", "02", "09"]
    assert len(node.controllers) == 3


def test_the_end_of_a_session_forgets_the_choices_of_its_link_only():
    node, _ = node_of()
    put(node, 0xE5, "01")
    put(node, 0xE5, "02", peer=("udp4", "hems"))
    node.link_up("sk", "hems", 0)
    node.to_send()
    assert get(node, 0xE5) == "01"
    node.link_down("sk")
    assert get(node, 0xE5) == "FF" and get(node, 0xE5, peer=("udp4", "hems")) == "02"
    node.link_down("never seen")


def test_a_set_broken_off_by_a_fault_of_ours_is_nobodys_choice():
    node, view = node_of()

    def fail(edt):
        raise OSError("no space")

    view.set_location = fail
    raises(OSError, ask, node, frame.SETC, [(0xE5, b"\x01"), (0x81, b"\x61")])
    assert get(node, 0xE5, peer=OTHER) == "FF"
