"""The node: every service with success and refusal, silence where it is due, choices per controller."""

from check import raises
from echonet_talk import PEER, ask, get, hx, put
from echonet_vectors import CTL, METER, PROFILE
from fake_view import START, FakeView
from keiki.wire.echonet import frame
from keiki.wire.echonet.node import COUNTERS, Node

try:
    import gc
except ImportError:
    gc = None

NONE = b""


def node_of(**settings):
    view = FakeView(**settings)
    return Node(view), view


def heard(node, text, peer=PEER, multicast=False):
    """Feed hex and return the hex of what comes back."""
    node.receive(bytes.fromhex(text), peer, 0, multicast)
    sent = node.to_send()
    assert all(where == peer for where, _ in sent)
    return [hx(datagram) for _, datagram in sent]


def test_the_sample_of_the_specification():
    node, _ = node_of()
    assert heard(node, "1081000105FF010288016201E700") == ["1081000102880105FF017201E704000001F8"]


def test_start_up_of_a_controller():
    node, _ = node_of(profile="gen1", coefficient=None)
    answer = heard(node, "1081000205FF01028801620482009D009E009F00")
    maps = "9D0605808188EAEB" + "9E040381E5ED" + "9F11" + "1841414140404000624300414040430202"
    assert answer == ["1081000202880105FF0172048204" + "00004600" + maps]
    answer = heard(node, "1081000305FF0102880162068D00D300D700E100EA00EB00")
    attributes = "8D0C4B4B30303030303030310000" + "D300" + "D70108" + "E10103"
    half_hour = "07EA03010C0000" + "00000000"
    assert answer == ["1081000302880105FF015206" + attributes + "EA0B" + half_hour + "EB0B" + half_hour]


def test_a_day_is_chosen_and_refused_as_in_the_sample():
    node, _ = node_of()
    assert heard(node, "1081000405FF010288016101E50101") == ["1081000402880105FF017101E500"]
    assert heard(node, "1081000405FF010288016101E50164") == ["1081000402880105FF015101E50164"]


def test_a_repeated_tid_is_answered_again():
    node, _ = node_of()
    for _ in range(12):
        assert len(heard(node, "1081000105FF010288016201E700")) == 1


def test_set_without_answer_is_silent_unless_refused():
    node, _ = node_of()
    assert ask(node, frame.SETI, [(0xE5, b"\x01")]) is None
    assert get(node, 0xE5) == "01"
    answer = ask(node, frame.SETI, [(0xE5, b"\x02"), (0xE7, b"\x00"), (0xED, b"\x01")])
    assert answer.esv == frame.SETI_SNA
    assert answer.props == [(0xE5, b""), (0xE7, b"\x00"), (0xED, b"\x01")]
    assert get(node, 0xE5) == "02"


def test_a_set_refused_in_part_carries_out_the_rest():
    node, _ = node_of()
    answer = ask(node, frame.SETC, [(0xE5, b"\x64"), (0x81, b"\x61"), (0xF0, b"")])
    assert answer.esv == frame.SETC_SNA
    assert answer.props == [(0xE5, b"\x64"), (0x81, b""), (0xF0, b"")]
    assert get(node, 0xE5) == "FF" and get(node, 0x81) == "61"


def test_a_get_refused_in_part_delivers_the_rest():
    node, _ = node_of()
    answer = ask(node, frame.GET, [(0xE7, b""), (0xE6, b""), (0xE1, b"")])
    assert answer.esv == frame.GET_SNA
    assert answer.props == [(0xE7, b"\x00\x00\x01\xf8"), (0xE6, b""), (0xE1, b"\x03")]


def test_a_value_in_a_get_request_is_ignored():
    node, _ = node_of()
    answer = ask(node, frame.GET, [(0xE1, b"\x01\x02")])
    assert answer.esv == frame.GET_RES and answer.props == [(0xE1, b"\x03")]


def test_a_property_asked_twice_is_answered_twice():
    node, _ = node_of()
    assert ask(node, frame.GET, [(0xE1, b""), (0xE1, b"")]).props == [(0xE1, b"\x03")] * 2


def test_announcement_on_request():
    node, _ = node_of()
    answer = ask(node, frame.INF_REQ, [(0xD5, b"")], deoj=PROFILE)
    assert answer.esv == frame.INF and answer.props == [(0xD5, b"\x01\x02\x88\x01")]
    assert ask(node, frame.INF_REQ, [(0xEA, b"")]).esv == frame.INF
    answer = ask(node, frame.INF_REQ, [(0xEA, b""), (0xD5, b"")])
    assert answer.esv == frame.INF_SNA and len(answer.props[0][1]) == 11 and answer.props[1] == (0xD5, b"")


def test_set_and_get_reads_what_it_has_just_chosen():
    node, _ = node_of(time_s=START + 1800)
    answer = ask(node, frame.SETGET, [(0xE5, b"\x00")], [(0xE2, b""), (0xE4, b"")])
    assert answer.esv == frame.SETGET_RES
    assert answer.props_get[0][1][:2] == b"\x00\x00"
    assert answer.props_get[0][1][2 + 100 : 2 + 104] == b"\x00\x00\x07\x08"


def test_set_and_get_refused_on_either_side():
    node, _ = node_of()
    answer = ask(node, frame.SETGET, [(0xE5, b"\x64")], [(0xE1, b"")])
    assert answer.esv == frame.SETGET_SNA
    assert answer.props == [(0xE5, b"\x64")] and answer.props_get == [(0xE1, b"\x03")]
    answer = ask(node, frame.SETGET, [(0xE5, b"\x04")], [(0xE6, b"")])
    assert answer.esv == frame.SETGET_SNA
    assert answer.props == [(0xE5, b"")] and answer.props_get == [(0xE6, b"")]
    assert get(node, 0xE5) == "04"


def test_an_announcement_to_be_confirmed_is_confirmed():
    node, _ = node_of()
    text = "1081123405FF010288017402EA0B07EA03010C1E0000000001EB00"
    assert heard(node, text) == ["1081123402880105FF017A02EA00EB00"]
    assert heard(node, text.replace("028801", "028802")) == []


def test_an_absent_object_is_silence_for_every_request():
    node, _ = node_of()
    for deoj in (0x028802, 0x028701, 0x05FF01, 0x0EF002, 0x0EF101, 0x000000, 0x028700):
        for esv in (frame.SETI, frame.SETC, frame.GET, frame.INF_REQ, frame.INFC):
            assert ask(node, esv, [(0xE7, NONE)], deoj=deoj) is None
        assert ask(node, frame.SETGET, [(0xE5, b"\x01")], [(0xE7, NONE)], deoj=deoj) is None
    assert node.stats["no_object"] == 7 * 6 and node.stats["requests"] == 0


def test_an_absent_object_is_silence_by_multicast():
    node, _ = node_of()
    assert heard(node, "1081000105FF010288026201E700", multicast=True) == []
    assert heard(node, "1081000105FF010EF0016201D600", multicast=True) == [
        "108100010EF00105FF017201D60401028801"
    ]


def test_instance_0_asks_every_instance_which_answers_as_itself():
    node, _ = node_of()
    assert heard(node, "1081000105FF010288006201E100") == ["1081000102880105FF017201E10103"]
    assert heard(node, "1081000105FF010EF0006201D300") == ["108100010EF00105FF017201D303000001"]


def test_the_answer_goes_to_whatever_object_asked():
    node, _ = node_of()
    assert heard(node, "10810001" + "0EF001" + "028801" + "6201E100") == [
        "10810001028801" + "0EF001" + "7201E10103"
    ]


def test_responses_and_announcements_get_no_answer():
    node, _ = node_of()
    for esv in b"\x50\x51\x52\x53\x71\x72\x73\x7a":
        assert ask(node, esv, [(0xE7, NONE)]) is None
    for esv in b"\x5e\x7e":
        assert ask(node, esv, [(0xE5, NONE)], [(0xE7, NONE)]) is None
    assert node.stats["responses"] == 9 and node.stats["inf"] == 1


def test_what_is_not_a_frame_is_silence_and_one_count():
    node, _ = node_of()
    for text, counter in (
        ("", "malformed"),
        ("1081", "malformed"),
        ("1082000105FF010288016201E700", "malformed"),
        ("1081000105FF010288016201E701", "malformed"),
        ("1081000105FF010288016200E700", "malformed"),
        ("1081000105FF010288016401E700", "unsupported_esv"),
        ("1081000105FF010288016201E700" + "00" * 1219, "oversize"),
    ):
        before = dict(node.stats)
        assert heard(node, text) == []
        before[counter] += 1
        assert node.stats == before
    assert len(heard(node, "1081000105FF010288016201E700" + "00" * 1218)) == 1


def test_too_many_properties_are_refused_whole_when_there_is_a_limit():
    node, view = node_of(limit=2)
    three = [(0xE1, NONE), (0xD7, NONE), (0xE7, NONE)]
    two = three[:2]
    assert ask(node, frame.GET, two).esv == frame.GET_RES
    answer = ask(node, frame.GET, three)
    assert answer.esv == frame.GET_SNA and answer.props == three
    answer = ask(node, frame.INF_REQ, three)
    assert answer.esv == frame.INF_SNA and answer.props == three
    sets = [(0xE5, b"\x01"), (0x81, b"\x61"), (0xED, b"")]
    for esv, refusal in ((frame.SETC, frame.SETC_SNA), (frame.SETI, frame.SETI_SNA)):
        answer = ask(node, esv, sets)
        assert answer.esv == refusal and answer.props == sets
    answer = ask(node, frame.SETGET, sets[:1], two)
    assert answer.esv == frame.SETGET_SNA and answer.props == sets[:1] and answer.props_get == two
    assert ask(node, frame.INFC, three).esv == frame.INFC_RES
    assert node.stats["opc_limit"] == 5
    view.limit = 0
    assert get(node, 0xE5) == "FF" and get(node, 0x81) == "00"
    assert ask(node, frame.GET, three).esv == frame.GET_RES


def test_every_property_at_once_fits_one_datagram():
    node, _ = node_of()
    put(node, 0xED, "07EA03010C000C")
    put(node, 0xEF, "07EA03010C000A")
    epcs = bytes.fromhex("808182888A8D97989D9E9FC0D0D3D7E0E1E2E3E4E5E7E8EAEBECEDEEEF")
    answer = ask(node, frame.GET, [(epc, NONE) for epc in epcs])
    assert answer.esv == frame.GET_RES and len(answer.props) == 29
    assert all(edt for _, edt in answer.props)


def test_values_beyond_one_datagram_are_left_out():
    node, _ = node_of()
    put(node, 0xE5, "00")
    for count in (6, 7, 20, 255):
        props = [(0xE2, NONE)] * count + [(0xE1, NONE)]
        node.receive(frame.encode(1, CTL, METER, frame.GET, props[:255]), PEER, 0)
        datagram = node.to_send()[0][1]
        assert len(datagram) <= 1232
        answer = frame.decode(datagram)
        assert (answer.esv == frame.GET_RES) == (count == 6)
        given = [edt for _, edt in answer.props if edt]
        assert len(given) >= 3 and all(len(edt) in (1, 194) for edt in given)


def test_the_node_profile_says_what_is_here():
    node, _ = node_of()

    def profile(epc):
        return get(node, epc, deoj=PROFILE)

    assert profile(0x80) == "30"
    assert profile(0x82) == "010E0100"
    assert profile(0x83) == "FE000077" + "6B65696B692D30303030303031"
    assert profile(0x8A) == "000077"
    assert profile(0xD3) == "000001" and profile(0xD4) == "0002"
    assert profile(0xD5) == "01028801" and profile(0xD6) == "01028801" and profile(0xD7) == "010288"
    assert profile(0x9D) == "038088D5" and profile(0x9E) == "00"
    assert profile(0x9F) == "0E808283888A8D9D9E9FD3D4D5D6D7"
    readable = [epc for epc in range(256) if profile(epc) is not None]
    assert bytes(readable) == bytes.fromhex("808283888A8D9D9E9FD3D4D5D6D7")
    assert not put(node, 0x80, "31", deoj=PROFILE)


def test_the_discovery_of_a_client_is_answered_in_part():
    node, _ = node_of()
    answer = ask(node, frame.GET, [(epc, NONE) for epc in (0x8A, 0x8C, 0x83, 0xD6)], deoj=PROFILE)
    assert answer.esv == frame.GET_SNA
    assert [len(edt) for _, edt in answer.props] == [3, 0, 17, 4]


def test_counters_are_fixed():
    node, _ = node_of()
    heard(node, "1081000105FF010288016201E600")
    heard(node, "1081000105FF010288016201E700")
    heard(node, "1081000105FF010288016001E50101")
    assert sorted(node.stats) == sorted(COUNTERS)
    stats = node.stats
    assert stats["requests"] == 3 and stats["answers"] == 2 and stats["sna"] == 1


def test_answers_that_nobody_fetches_are_bounded():
    node, _ = node_of()
    for tid in range(100):
        node.receive(frame.encode(tid, CTL, METER, frame.GET, [(0xE1, NONE)]), PEER, 0)
    sent = node.to_send()
    assert [frame.decode(datagram).tid for _, datagram in sent] == list(range(84, 100))
    assert node.stats["dropped"] == 84 and node.to_send() == []


def test_nothing_grows_with_the_number_of_requests():
    if gc is None or not hasattr(gc, "mem_alloc"):
        return
    node, _ = node_of()
    node.link_up("sk", "hems", 0)
    requests = [
        "1081000105FF010288016201E700",
        "1081000405FF010288016101E50101",
        "1081000405FF010288016202E200E400",
        "1081000405FF010288016101E50164",
        "1081000105FF010288016401E700",
        "1081123405FF010288017401EA00",
    ]
    requests = [bytes.fromhex(text) for text in requests]

    def rounds(count):
        for i in range(count):
            for raw in requests:
                node.receive(raw, ("udp4", i % 50), 0)
            node.to_send()
        gc.collect()
        return gc.mem_alloc()

    before = rounds(100)
    after = rounds(500)
    assert after <= before + 256, (before, after)


def test_a_fault_of_ours_is_not_swallowed():
    node, view = node_of()
    view.current = None
    raises(TypeError, get, node, 0xE8)
    view.current = (0, 0)
    assert get(node, 0xE8) == "00000000"
