"""The limiter: how long it bears what is too much, when it closes again, and emergency profiles."""

from keiki.meter import switch
from keiki.meter.kept_state import CONNECTED, DISCONNECTED, READY
from keiki.meter.switch import REMOTE_DISCONNECT, REMOTE_RECONNECT
from relay_world import Desk


def drawn(desk, current_ma, seconds):
    """Draw a current while the supply is there, reading by reading; returns for how many seconds it was."""
    supplied = 0
    for _ in range(seconds):
        supplied += desk.contact.closed
        desk.limiter.look(current_ma if desk.contact.closed else 0)
        if not desk.switch._settled.is_set():
            desk.settle()
        desk.now_ms = desk.now_ms // 1000 * 1000 + 1000
    return supplied


def test_the_contract_may_be_drawn_for_ever():
    desk = Desk()
    assert drawn(desk, 30_000, 1000) == 1000
    assert desk.told() == []


def test_more_than_the_contract_opens_after_its_time_and_not_before():
    desk = Desk()
    assert drawn(desk, 30_001, 5) == 5 and desk.contact.closed
    drawn(desk, 30_001, 1)
    assert not desk.contact.closed and desk.state.control == READY
    assert desk.told() == [("limit_exceeded", 0), ("disconnected", switch.LIMITER)]


def test_peaks_shorter_than_its_time_never_open():
    desk = Desk()
    for _ in range(100):
        drawn(desk, 60_000, 5)
        drawn(desk, 10_000, 1)
    assert desk.contact.closed and desk.told() == []


def test_in_modes_5_and_6_it_closes_again_by_itself():
    for mode in (5, 6):
        desk = Desk()
        desk.settings.disconnect_mode = mode
        drawn(desk, 40_000, 6)
        assert not desk.contact.closed
        drawn(desk, 0, 10)
        assert not desk.contact.closed
        drawn(desk, 0, 1)
        assert desk.contact.closed and desk.state.control == CONNECTED and not desk.state.tripped


def test_in_other_modes_it_waits_for_the_button():
    for mode in (1, 2, 3, 4):
        desk = Desk()
        desk.settings.disconnect_mode = mode
        drawn(desk, 40_000, 6)
        drawn(desk, 0, 1000)
        assert not desk.contact.closed and desk.state.control == READY
        desk.switch.look(True)
        desk.settle()
        assert desk.contact.closed


def test_a_load_that_stays_opens_it_again_each_time():
    desk = Desk()
    desk.settings.disconnect_mode = 6
    supplied = drawn(desk, 40_000, 1700)
    assert 590 <= supplied <= 610, supplied


def test_it_closes_after_a_power_cut_what_it_had_opened():
    desk = Desk()
    desk.settings.disconnect_mode = 6
    drawn(desk, 40_000, 6)
    desk.restart()
    drawn(desk, 0, 11)
    assert desk.contact.closed


def test_it_never_closes_what_somebody_else_has_opened():
    desk = Desk()
    desk.settings.disconnect_mode = 6
    drawn(desk, 40_000, 6)
    desk.ask(REMOTE_DISCONNECT)
    drawn(desk, 0, 100)
    assert desk.state.control == DISCONNECTED
    desk.ask(REMOTE_RECONNECT)
    drawn(desk, 0, 100)
    assert desk.state.control == READY and not desk.contact.closed


def test_without_a_contract_nothing_is_too_much():
    desk = Desk()
    desk.settings.contract_a = None
    drawn(desk, 10_000_000, 1000)
    assert desk.contact.closed and desk.limiter.limit_ma() is None


def test_a_contract_above_the_rating_is_the_rating():
    desk = Desk()
    desk.settings.contract_a = 120
    assert desk.limiter.limit_ma() == 60_000


def test_an_emergency_profile_holds_for_its_time_and_its_group():
    desk = Desk()
    start_s = desk.utc_s() + 100
    desk.state.keep_emergency((7, start_s, 600, 5000), (7,))
    assert desk.limiter.limit_ma() == 30_000
    desk.now_ms = 100_000
    assert desk.limiter.limit_ma() == 5000 and desk.limiter.in_emergency
    desk.unsure = True
    assert desk.limiter.limit_ma() == 30_000
    desk.unsure = False
    desk.restart()
    assert desk.limiter.limit_ma() == 5000
    desk.now_ms = 700_000
    assert desk.limiter.limit_ma() == 30_000
    desk.state.keep_emergency((8, start_s, 6000, 5000), (7,))
    assert desk.limiter.limit_ma() == 30_000


def test_a_relay_that_does_not_open_is_asked_again_and_told():
    desk = Desk()
    desk.contact.stuck = True
    drawn(desk, 40_000, 60)
    assert desk.contact.closed and desk.switch.stats["faults"] > 5
    assert desk.told() == [("limit_exceeded", 0), ("relay_fault", 0)]
