"""The switch: every transition of every control mode, relays that do not follow, power cuts in between."""

from check import raises
from keiki.meter import switch
from keiki.meter.kept_state import CONNECTED, DISCONNECTED, READY, KeptState
from keiki.meter.switch import (
    BUSY,
    DENIED,
    DONE,
    LOCAL_DISCONNECT,
    LOCAL_RECONNECT,
    MANUAL,
    MOVING,
    REMOTE_DISCONNECT,
    REMOTE_RECONNECT,
    TOO_OFTEN,
)
from relay_world import PULSE_MS, Cut, Desk

ALL = (REMOTE_DISCONNECT, REMOTE_RECONNECT, MANUAL, LOCAL_DISCONNECT, LOCAL_RECONNECT)
OFF, ON, RDY = DISCONNECTED, CONNECTED, READY
# mode: state after (remote off, remote on, button, limiter off, limiter on), from 0, 1 and 2
TABLE = {
    1: ((OFF, RDY, OFF, OFF, OFF), (OFF, ON, RDY, RDY, ON), (OFF, RDY, ON, RDY, RDY)),
    2: ((OFF, ON, OFF, OFF, OFF), (OFF, ON, RDY, RDY, ON), (OFF, ON, ON, RDY, RDY)),
    3: ((OFF, RDY, OFF, OFF, OFF), (OFF, ON, ON, RDY, ON), (OFF, RDY, ON, RDY, RDY)),
    4: ((OFF, ON, OFF, OFF, OFF), (OFF, ON, ON, RDY, ON), (OFF, ON, ON, RDY, RDY)),
    5: ((OFF, RDY, OFF, OFF, OFF), (OFF, ON, RDY, RDY, ON), (OFF, RDY, ON, RDY, ON)),
    6: ((OFF, RDY, OFF, OFF, OFF), (OFF, ON, ON, RDY, ON), (OFF, RDY, ON, RDY, ON)),
}


def test_every_transition_of_every_mode_is_that_of_the_blue_book():
    for mode, rows in TABLE.items():
        for start in (OFF, ON, RDY):
            for what in ALL:
                desk = Desk()
                desk.settings.disconnect_mode = mode
                desk.state.keep_control(start, False)
                desk.contact.closed = start == ON
                result = desk.ask(what)
                wanted = rows[start][what]
                assert desk.state.control == wanted, (mode, start, what)
                assert desk.contact.closed == (wanted == ON)
                assert (result == MOVING) == ((wanted == ON) != (start == ON))


def test_in_mode_0_nobody_disconnects_and_what_was_disconnected_comes_back():
    desk = Desk()
    desk.ask(REMOTE_DISCONNECT)
    assert not desk.contact.closed
    desk.settings.disconnect_mode = 0
    desk.switch.look(False)
    desk.settle()
    assert desk.contact.closed and desk.state.control == CONNECTED
    for what in ALL:
        assert desk.ask(what) == DENIED
    assert desk.contact.closed


def test_what_is_so_already_is_done_and_moves_nothing():
    desk = Desk()
    assert desk.ask(REMOTE_RECONNECT) == DONE
    desk.ask(REMOTE_DISCONNECT)
    assert desk.ask(REMOTE_DISCONNECT) == DONE
    assert desk.contact.pulses == [(False, PULSE_MS)]


def test_a_switching_is_an_event_with_who_did_it():
    desk = Desk()
    desk.ask(REMOTE_DISCONNECT)
    desk.ask(REMOTE_RECONNECT)
    desk.now_ms += 60000
    desk.ask(LOCAL_DISCONNECT)
    desk.ask(MANUAL)
    assert desk.told() == [("disconnected", switch.REMOTE), ("connected", switch.REMOTE),
                           ("disconnected", switch.LIMITER), ("connected", switch.BUTTON)]  # fmt: skip


def test_ready_for_reconnection_moves_nothing_and_the_button_closes():
    desk = Desk()
    desk.settings.disconnect_mode = 3
    desk.ask(REMOTE_DISCONNECT)
    desk.switch.look(True)
    assert desk.state.control == DISCONNECTED
    desk.switch.look(False)
    assert desk.ask(REMOTE_RECONNECT) == DONE and not desk.contact.closed
    desk.switch.look(True)
    desk.settle()
    assert desk.contact.closed


def test_a_button_that_is_held_is_one_press():
    desk = Desk()
    desk.settings.disconnect_mode = 1
    for _ in range(3):
        desk.switch.look(True)
        desk.settle()
    assert desk.state.control == READY
    desk.switch.look(False)
    desk.switch.look(True)
    desk.settle()
    assert desk.state.control == CONNECTED


def test_a_relay_that_does_not_open_is_told_and_the_state_says_connected():
    desk = Desk()
    desk.contact.stuck = True
    faults = []
    desk.switch.on_fault = lambda: faults.append(1)
    assert desk.switch.ask(REMOTE_DISCONNECT) == MOVING
    assert desk.settle() is False
    assert desk.switch.connected and desk.state.control == CONNECTED and faults == [1]
    assert desk.told() == [("relay_fault", 0)]
    assert desk.contact.pulses == [(False, PULSE_MS)] * 2
    assert KeptState(desk.log).control == CONNECTED


def test_a_relay_that_does_not_close_is_told_and_the_state_stays():
    desk = Desk()
    desk.ask(REMOTE_DISCONNECT)
    desk.contact.stuck = True
    desk.switch.ask(REMOTE_RECONNECT)
    assert desk.settle() is False
    assert not desk.switch.connected and desk.state.control == DISCONNECTED
    desk.contact.stuck = False
    desk.switch.ask(REMOTE_RECONNECT)
    assert desk.settle() is True and desk.contact.closed


def test_a_pulse_too_short_for_the_relay_is_no_success():
    desk = Desk()
    desk.contact.needs_ms = PULSE_MS + 1
    desk.switch.ask(REMOTE_DISCONNECT)
    assert desk.settle() is False


def test_a_contact_that_moves_by_itself_is_told_and_put_back():
    desk = Desk()
    desk.contact.closed = False
    desk.switch.look(False)
    assert desk.settle() is True and desk.contact.closed
    assert desk.told() == [("relay_fault", 2), ("connected", switch.METER)]


def test_a_contact_that_moves_by_itself_for_ever_is_put_back_less_and_less_often():
    desk = Desk()
    for _ in range(3600):
        desk.contact.closed = False
        desk.switch.look(False)
        if not desk.switch._settled.is_set():
            desk.settle()
        desk.now_ms += 1000
    assert len(desk.contact.pulses) <= 61, len(desk.contact.pulses)


def test_no_coil_keeps_its_power_when_the_move_is_broken_off():
    desk = Desk()
    moving = desk.relay.move(False)
    desk.cut_in_sleep = 0
    raises(Cut, moving.send, None)
    assert desk.contact.pulses == [(False, 0)]


def test_an_order_that_is_on_flash_is_carried_out_after_a_power_cut():
    for sleeps in range(4):
        desk = Desk()
        desk.switch.ask(REMOTE_DISCONNECT)
        desk.cut_in_sleep = sleeps
        running = desk.switch.run()
        raised = None
        try:
            running.send(None)
        except Cut as cut:
            raised = cut
        assert (raised is not None) == (sleeps < 2), sleeps
        desk.cut_in_sleep = None
        desk.restart()
        desk.settle()
        assert not desk.contact.closed and desk.state.control == DISCONNECTED, sleeps


def test_a_latched_relay_stays_as_it_is_over_a_start():
    desk = Desk()
    desk.ask(REMOTE_DISCONNECT)
    pulses = len(desk.contact.pulses)
    desk.restart()
    desk.settle()
    assert desk.state.control == DISCONNECTED and not desk.contact.closed
    assert len(desk.contact.pulses) == pulses


def test_a_flash_that_refuses_keeps_the_relay_where_it_is():
    desk = Desk()

    def refuse(_data):
        raise OSError(5)

    append, desk.log.append = desk.log.append, refuse
    assert desk.switch.ask(REMOTE_DISCONNECT) == BUSY
    assert desk.contact.closed and desk.state.control == CONNECTED and not desk.contact.pulses
    desk.log.append = append
    assert desk.switch.ask(REMOTE_DISCONNECT) == MOVING


def test_nothing_is_asked_of_a_relay_that_moves():
    desk = Desk()
    assert desk.switch.ask(REMOTE_DISCONNECT) == MOVING
    assert desk.switch.ask(REMOTE_RECONNECT) == BUSY
    desk.settle()
    assert desk.switch.ask(REMOTE_RECONNECT) == MOVING


def test_remote_disconnections_are_limited_and_reconnecting_never_is():
    desk = Desk()
    done = 0
    for _ in range(3600):
        done += desk.ask(REMOTE_DISCONNECT) == MOVING
        assert desk.ask(REMOTE_RECONNECT) in (MOVING, DONE)
        assert desk.contact.closed
        desk.now_ms += 1000
    assert 11 <= done <= 12, done
    assert desk.ask(REMOTE_DISCONNECT) == TOO_OFTEN
    assert desk.events.counts[26] > 3000
    assert len([kind for kind, _ in desk.told() if kind == "switch_refused"]) < 10


def test_garbage_in_the_state_is_a_connected_switch():
    desk = Desk()
    desk.log.append(b"\x07" * 24)
    desk.restart()
    assert desk.state.control == CONNECTED
