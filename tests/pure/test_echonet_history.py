"""History of class 0x0288: days (E2, E4 by E5) and windows (EC by ED, EE by EF), through the node."""

from echonet_talk import get, put
from fake_view import START, FakeView
from keiki.wire import slots
from keiki.wire.echonet.node import Node

NONE = "FFFFFFFE"


def node_of(profile="gen2", **settings):
    view = FakeView(profile, **settings)
    return Node(view), view


def u32(value):
    return f"{value:08X}"


def slots_of(text):
    """Split hex into 4-byte words."""
    return [text[i : i + 8] for i in range(0, len(text), 8)]


def test_no_day_is_chosen_at_first():
    node, _ = node_of()
    assert get(node, 0xE5) == "FF"
    for epc in (0xE2, 0xE4):
        assert get(node, epc) == "00FF" + NONE * 48


def test_a_day_runs_forwards_and_lacks_the_future_the_past_and_the_missing():
    node, view = node_of(time_s=START + 2 * 86400 + 3600)
    missing = START + 86400 + 1800
    view.missing = (missing,)
    for days_ago in (0, 1, 2):
        assert put(node, 0xE5, f"{days_ago:02X}")
        assert get(node, 0xE5) == f"{days_ago:02X}"
        for epc, wh in ((0xE2, 1800), (0xE4, 450)):
            text = get(node, epc)
            assert len(text) == 2 * 194
            assert text[:4] == f"00{days_ago:02X}"
            midnight = slots.jst_midnight(view.time_s, days_ago)
            for i, word in enumerate(slots_of(text[4:])):
                at = midnight + 1800 * i
                if at < START or at > view.time_s or at == missing:
                    assert word == NONE, (days_ago, i)
                else:
                    assert word == u32((at - START) // 1800 * wh), (days_ago, i)
    assert put(node, 0xE5, "63")
    assert get(node, 0xE2) == "0063" + NONE * 48


def test_the_day_follows_the_calendar_not_the_moment_of_the_set():
    node, view = node_of(time_s=START + 86400)
    put(node, 0xE5, "00")
    view.time_s = slots.jst_midnight(view.time_s, -1)
    assert slots_of(get(node, 0xE2)[4:])[1:] == [NONE] * 47
    assert slots_of(get(node, 0xE2)[4:])[0] == u32(view.time_s - START)


def test_a_day_out_of_range_is_refused_and_changes_nothing():
    node, _ = node_of()
    put(node, 0xE5, "05")
    for text in ("64", "FF", "FE", "", "0001"):
        assert not put(node, 0xE5, text)
        assert get(node, 0xE5) == "05"


def test_windows_are_empty_at_first():
    node, _ = node_of()
    for choice, window in ((0xED, 0xEC), (0xEF, 0xEE)):
        assert get(node, choice) == "FFFFFFFFFFFF01"
        assert get(node, window) == "FFFFFFFFFFFF01" + NONE * 2


def test_the_half_hour_window_runs_backwards():
    node, view = node_of(time_s=START + 7200)
    view.missing = (START + 1800,)
    assert put(node, 0xED, "07EA03010E000C")
    assert get(node, 0xED) == "07EA03010E000C"
    text = get(node, 0xEC)
    assert text[:14] == "07EA03010E000C" and len(text) == 2 * (7 + 8 * 12)
    words = slots_of(text[14:])
    assert words[:6] == [u32(7200), u32(1800), u32(5400), u32(1350), u32(3600), u32(900)]
    assert words[6:8] == [NONE, NONE]
    assert words[8:10] == [u32(0), u32(0)]
    assert words[10:] == [NONE] * 14


def test_the_minute_window_runs_backwards():
    node, view = node_of(time_s=START + 130)
    assert put(node, 0xEF, "07EA03010C030A")
    words = slots_of(get(node, 0xEE)[14:])
    assert len(words) == 20
    assert words[:8] == [NONE, NONE, u32(120), u32(30), u32(60), u32(15), u32(0), u32(0)]
    assert words[8:] == [NONE] * 12
    view.reverse = False
    assert slots_of(get(node, 0xEE)[14:])[2:4] == [u32(120), NONE]


def test_windows_out_of_range_are_refused_and_change_nothing():
    node, _ = node_of()
    bad = (
        "07EA03010C0000",  # no points
        "07EA021D0C0001",  # 29 February of a common year
        "07EA0D010C0001",
        "07EA00010C0001",
        "07EA03000C0001",
        "07EA0301180001",
        "07EA03010C3C01",
        "000003010C0001",
        "271003010C0001",
        "FFFFFFFFFFFF01",
        "07EA03010C00",
        "07EA03010C000101",
        "",
    )
    half_hours = "07EA03010C1E0C"
    minutes = "07EA03010C110A"
    assert put(node, 0xED, half_hours) and put(node, 0xEF, minutes)
    bad_half_hours = ("07EA03010C000D", "07EA03010C1101", "07EA03010C0F01")
    for epc, good, more in ((0xED, half_hours, bad_half_hours), (0xEF, minutes, ("07EA03010C000B",))):
        for texts in (bad, more):
            for text in texts:
                assert not put(node, epc, text), text
                assert get(node, epc) == good


def test_windows_far_from_now_hold_no_data():
    node, _ = node_of()
    for text in ("00010101000001", "0EE60101000001", "270F0C1F171E01", "07EA0302000001"):
        assert put(node, 0xED, text)
        assert get(node, 0xEC) == text + NONE * 2
