"""The coordinator against a scripted module: good days, every refusal, every silence (b-route.md F, L)."""

from check import raises
from fake_sk_module import HEMS, IP, OTHER, PASSWORD, ROUTE_B_ID, FakeModule, World
from keiki.wire.sk.coordinator import Coordinator
from keiki.wire.sk.dialect import BP35A1, BP35C2

GET = b"\x10\x81\x00\x01\x05\xff\x01\x02\x88\x01\x62\x01\xe7\x00"
RES = b"\x10\x81\x00\x01\x02\x88\x01\x05\xff\x01\x72\x01\xe7\x04\x00\x00\x01\xf8"
STEPS = (
    "SKRESET",
    "WOPT",
    "SKSREG SFE",
    "SKINFO",
    "SKSREG SF0",
    "SKSETPWD",
    "SKSETRBID",
    "SKSCAN0",
    "SKSREG S2",
    "SKSREG S3",
    "SKSREG S16",
    "SKSTART",
)
SILENT = list(STEPS) + ["SKTERM", "ROPT", "SKSCAN3"]  # noqa: RUF005 (MicroPython has no [*a, b])


def joined(**how):
    world = World(**how).up()
    world.hear(world.module.d.event(0x25, HEMS))
    world.take()
    return world


def test_start_up_says_everything_in_order():
    world = World(lifetime_s=60).up()
    assert [" ".join(words) for words in world.module.commands] == [
        "SKTERM",
        "SKINFO",
        "SKRESET",
        "ROPT",
        "SKSREG SFE 0",
        "SKINFO",
        "SKSREG SF0 0",
        "SKSETPWD C " + PASSWORD,
        "SKSETRBID " + ROUTE_B_ID,
        "SKSCAN 0 FFFFFFFF 4 0",
        "SKSCAN 3 FFFFFFFF 6 0",
        "SKSREG S2 2F",
        "SKSREG S3 8000",
        "SKSREG S16 3C",
        "SKSTART",
        "SKINFO",
    ]
    assert world.events == [("up", 0x2F, 0x8000)]


def test_a_module_that_has_just_got_power_is_not_reset_but_has_time_to_boot():
    for refuses in (False, True):
        module = FakeModule()
        module.power_cycle()
        if refuses:
            module.fail["SKSETPWD"] = b"ER10"
        world = World(module)
        world.run(1900)  # it began at 1000
        assert not module.commands
        world.run(600)
        assert [words[0] for words in module.commands[:3]] == ["SKTERM", "SKINFO", "ROPT"]
        assert world.c.serving != refuses and "SKRESET" not in world.names()
        if refuses:  # whatever was wrong, it is reset then
            module.fail.clear()
            assert world.up(60000).kinds() == ["fault", "up"] and "SKRESET" in world.names()


def test_start_up_from_any_state_of_the_module_byte_by_byte_and_in_one_gulp():
    for dialect in (BP35A1, BP35C2):
        for chunk in (0, 1, 7):
            for echo in (False, True):
                for hex_mode in (False, True):
                    for session in (False, True):
                        module = FakeModule(dialect, hex_mode, echo, session)
                        world = World(module, chunk).up(20000)
                        assert (
                            world.kinds() == ["up"] and module.hex and module.started and not module.session
                        )
                        assert module.option_writes == (0 if hex_mode else 1)
                        world.run(200000)
                        assert world.kinds() == ["up"]


def test_a_module_that_waits_for_the_rest_of_a_payload_is_flushed():
    module = FakeModule()
    module.receive(module.d.sendto(1, HEMS, 0x0E1A, 1, bytes(1232))[:-1200])
    world = World(module).up(60000)
    assert world.kinds() == ["fault", "up"]


def test_a_module_without_ropt_is_taken_to_print_hex():
    module = FakeModule(BP35A1)
    module.fail["ROPT"] = b"ER04"
    assert World(module).up().kinds() == ["up"]


def test_the_quietest_odd_channel_and_an_unused_pan_are_chosen_and_kept():
    module = FakeModule()
    module.levels = [(0x21, 9), (0x22, 1), (0x23, 5), (0x25, 5), (0x3B, 7)]
    module.pans = [1, 2, 3]
    world = World(module, rand=lambda n: 0).up()
    assert world.take() == [("up", 0x23, 4)]
    module.levels = [(0x3B, 0)]
    module.power_cycle()
    world.run(200000)
    assert world.take() == [("fault", "SKINFO: the settings are lost"), ("up", 0x23, 4)]


def test_given_channel_and_pan_need_no_scan():
    world = World(channel=0x33, pan_id=0x1234).up()
    assert world.take() == [("up", 0x33, 0x1234)] and "SKSCAN" not in world.names()


def test_wrong_settings_are_refused_without_showing_them():
    for change in ({"channel": 0x20}, {"pan_id": 0xFFFF}, {"lifetime_s": 59}):
        raises(ValueError, World, **change)
    for pair in (
        ("zz" + ROUTE_B_ID[2:], PASSWORD),
        (ROUTE_B_ID, "a secret"),
        (ROUTE_B_ID, ""),
        ("short", PASSWORD),
    ):
        error = raises(ValueError, Coordinator, *pair, dialect=BP35C2, rand=lambda n: 0)
        assert "secret" not in str(error) and ROUTE_B_ID[2:] not in str(error)
    as_bytes = bytes(range(16))
    assert not Coordinator(as_bytes, PASSWORD, dialect=BP35C2, rand=lambda n: 0).serving


def test_a_refusal_at_any_step_is_told_and_tried_again():
    for step in STEPS:
        module = FakeModule(hex_mode=False)
        module.fail[step] = b"ER10"
        world = World(module)
        world.run(20000)
        faults = [event for event in world.take() if event[0] == "fault"]
        assert faults and all("refused ER10" in fault[1] for fault in faults), step
        assert not world.c.serving
        module.fail.clear()
        world.up(130000)
        assert world.c.serving, step


def test_silence_at_any_step_is_told_and_tried_again():
    for step in SILENT:
        module = FakeModule(hex_mode=False)
        module.mute.add(step)
        world = World(module)
        world.run(70000 if "SCAN" in step else 30000)
        faults = [event for event in world.take() if event[0] == "fault"]
        assert faults and all("no answer" in fault[1] for fault in faults), step
        module.mute.clear()
        world.up(200000)
        world.run(10000)
        assert world.c.serving, step


def test_a_scan_mode_that_the_module_does_not_know_falls_back():
    module = FakeModule()
    module.fail["SKSCAN3"] = b"ER06"
    world = World(module).up()
    scans = [words[1] for words in module.commands if words[0] == "SKSCAN"]
    assert scans == ["0", "3", "2"] and world.kinds() == ["up"]


def test_a_module_of_the_other_family_is_named():
    world = World(FakeModule(BP35A1), dialect=BP35C2)
    world.run(10000)
    assert world.events[0] == ("fault", "SKINFO: the module is not of the family bp35c2")


def test_an_option_byte_that_does_not_hold_is_not_written_for_ever():
    module = FakeModule(hex_mode=False)
    module.forgets = True
    module.fail["SKSTART"] = b"ER10"
    world = World(module)
    world.run(3000000)
    assert module.option_writes == 5
    assert world.events[-1] == ("fault", "WOPT: the option does not hold")
    module.forgets = False
    module.fail.clear()
    world.up(1000000)
    assert module.hex and module.option_writes == 6


def test_event_25_is_a_join_and_a_second_one_too():
    world = World().up()
    world.take()
    world.hear(world.module.d.event(0x25, HEMS))
    world.hear(world.module.d.event(0x25, HEMS))
    world.hear(world.module.d.event(0x25, OTHER))
    expected = [("join", HEMS), ("join", HEMS), ("leave", HEMS, "replaced"), ("join", OTHER)]
    assert world.take() == expected and world.c.peer == OTHER


def test_a_secured_datagram_from_a_stranger_is_a_join_unless_forbidden():
    world = World().up()
    world.take()
    world.module.datagram(GET)
    world.settle()
    assert world.take() == [("join", HEMS), ("datagram", HEMS, GET)]
    strict = World(join_by_datagram=False).up()
    strict.take()
    strict.module.datagram(GET)
    strict.settle()
    assert strict.take() == [] and strict.c.stats["unwanted"] == 1


def test_unsecured_side_1_and_pana_datagrams_are_not_served():
    world = joined()
    world.module.datagram(GET, sec=0)
    world.module.datagram(GET, side=1)
    world.module.datagram(bytes(40), rport=0x02CC, lport=0x02CC, sec=0)
    world.settle()
    assert world.take() == [] and world.c.stats["unwanted"] == 1 and world.c.stats["junk"] == 0


def test_datagrams_come_in_every_form_in_lower_case_and_byte_by_byte():
    for dialect, lqi in ((BP35A1, None), (BP35C2, None), (BP35C2, 0xE1)):
        for chunk in (0, 1, 5):
            world = joined(module=FakeModule(dialect), chunk=chunk)
            world.module.datagram(GET, lqi=lqi)
            line = dialect.erxudp(HEMS, IP, RES, lqi=lqi)
            world.hear(b"ERXUDP" + line[6:].lower())
            assert world.take() == [("datagram", HEMS, GET), ("datagram", HEMS, RES)]


def test_an_answer_goes_out_secured_on_the_handle_of_port_3610():
    for ok_first in (False, True):
        world = joined()
        world.module.ok_first = ok_first
        assert world.c.send(HEMS, RES) and world.c.next_ms(world.now_ms) == 0
        world.settle()
        assert world.module.sent == [RES] and world.c.stats["sent"] == 1


def test_the_bytes_of_a_transmission_are_exact():
    world = joined()
    world.c.send(None, RES)
    world.c.tick(world.now_ms)
    assert world.c.to_send() == b"SKSENDTO 1 " + HEMS.encode() + b" 0E1A 1 0 0012 " + RES
    assert world.c.to_send() is None


def test_nobody_else_is_sent_anything():
    world = World().up()
    assert not world.c.send(HEMS, RES) and not world.c.send(None, RES)
    world = joined()
    assert not world.c.send(OTHER, RES) and world.c.stats["dropped"] == 1
    raises(ValueError, world.c.send, HEMS, b"")
    raises(ValueError, world.c.send, HEMS, bytes(1233))


def test_one_command_at_a_time_and_eight_answers_wait():
    world = joined()
    assert [world.c.send(HEMS, bytes([i])) for i in range(9)] == [True] * 8 + [False]
    world.c.tick(world.now_ms)
    world.c.to_send()
    world.c.tick(world.now_ms)
    assert world.c.to_send() is None
    world.hear(world.module.d.event(0x21, HEMS, 0) + b"OK\r\n")
    assert world.module.sent == [bytes([i]) for i in range(1, 8)]


def test_no_acknowledgement_is_repeated_twice_then_dropped():
    world = joined()
    world.module.results = [1, 1, 1]
    world.c.send(HEMS, RES)
    world.c.send(HEMS, GET)
    world.run(500)
    assert world.module.sent == [RES]
    world.run(5000)
    assert world.module.sent == [RES, RES, RES, GET]
    assert (world.c.stats["retries"], world.c.stats["dropped"], world.c.stats["sent"]) == (2, 1, 1)


def test_neighbour_solicitation_is_waited_for():
    world = joined()
    world.module.results = [2]
    world.c.send(HEMS, RES)
    world.settle()
    assert world.c.stats["sent"] == 1 and world.module.sent == [RES]


def test_ok_without_event_21_counts_as_not_sent():
    world = joined()
    world.module.results = [None]
    world.c.send(HEMS, RES)
    world.run(12000)
    assert world.module.sent == [RES, RES] and world.c.stats["sent"] == 1 and world.c.serving


def test_event_32_holds_transmissions_until_event_33():
    world = joined()
    world.hear(world.module.d.event(0x32, IP))
    world.c.send(HEMS, RES)
    world.run(30000)
    assert world.module.sent == []
    world.hear(world.module.d.event(0x33, IP))
    assert world.module.sent == [RES]


def test_a_stale_answer_is_dropped_and_a_lost_event_33_ends_after_an_hour():
    world = joined()
    world.hear(world.module.d.event(0x32, IP))
    world.c.send(HEMS, RES)
    world.run(3500000)
    assert world.module.sent == []
    world.run(200000)
    assert world.module.sent == [] and world.c.stats["dropped"] == 1
    world.c.send(HEMS, GET)
    world.settle()
    assert world.module.sent == [GET]


def test_each_end_of_a_session_is_a_leave_with_its_reason():
    reasons = ((0x26, "peer ended"), (0x27, "ended"), (0x28, "end not acknowledged"), (0x29, "expired"))
    for num, reason in reasons:
        world = joined()
        world.hear(world.module.d.event(0x32, IP))
        world.c.send(HEMS, RES)
        world.hear(world.module.d.event(num, HEMS))
        assert world.take() == [("leave", HEMS, reason)] and world.c.peer is None
        world.hear(world.module.d.event(0x33, IP))
        assert world.module.sent == []
        world.hear(world.module.d.event(0x25, HEMS))
        assert world.take() == [("join", HEMS)] and world.c.send(HEMS, RES)


def test_the_end_of_somebody_elses_session_or_a_failed_join_changes_nothing():
    world = joined()
    world.hear(world.module.d.event(0x29, OTHER) + world.module.d.event(0x24, OTHER))
    world.hear(world.module.d.event(0x24, HEMS) + world.module.d.event(0x29, HEMS, None, 1))
    assert world.take() == [("refused", OTHER), ("refused", HEMS)] and world.c.peer == HEMS
    assert world.c.stats["refused"] == 2


def test_a_session_that_ends_with_an_answer_in_the_air_does_not_repeat_it():
    world = joined()
    world.c.send(HEMS, RES)
    world.c.tick(world.now_ms)
    world.c.to_send()
    world.hear(world.module.d.event(0x29, HEMS) + world.module.d.event(0x21, HEMS, 1) + b"OK\r\n")
    world.run(10000)
    assert world.module.sent == [] and world.c.serving


def test_an_idle_module_is_asked_every_minute():
    world = joined()
    before = len(world.module.commands)
    world.run(600000)
    assert world.module.commands[before:] == [("SKINFO",)] * 10 and world.take() == []


def test_a_reset_that_lost_the_settings_is_found_and_repaired():
    for banner in (b"", b"BP35C2 booted\r\n", b"\x00\xff\xfe\r\n"):
        world = joined()
        world.module.power_cycle(banner)
        world.settle()
        world.run(6000 if banner else 61000)
        assert world.take()[:2] == [
            ("leave", HEMS, "module lost"),
            ("fault", "SKINFO: the settings are lost"),
        ]
        world.up(20000)
        assert world.module.started and world.take()[-1] == ("up", 0x2F, 0x8000)


def test_a_module_that_stops_answering_is_given_up_and_comes_back():
    world = joined()
    world.module.dead = True
    world.run(90000)
    assert world.take()[:2] == [("leave", HEMS, "module lost"), ("fault", "SKINFO: no answer")]
    world.module.dead = False
    world.up(120000)


def test_one_lost_answer_does_not_cost_the_session():
    world = joined()
    world.module.mute.add("SKINFO")
    world.run(67000)
    world.module.mute.clear()
    world.run(60000)
    assert world.take() == [] and world.c.peer == HEMS


def test_a_transmission_without_any_answer_is_repeated_after_a_flush():
    world = joined()
    world.module.mute.add("SKSENDTO")
    world.c.send(HEMS, RES)
    world.run(5000)
    world.module.mute.clear()
    world.run(20000)
    assert world.module.sent == [RES] and world.c.peer == HEMS and world.c.serving


def test_refused_transmissions_are_dropped_and_the_third_restarts():
    world = joined()
    world.module.fail["SKSENDTO"] = b"ER10"
    for _ in range(3):
        world.c.send(HEMS, RES)
        world.run(6000)
    assert ("fault", "SKSENDTO: refused ER10") in world.take()
    world.module.fail.clear()
    world.up()


def test_junk_and_overlong_lines_are_counted_and_nothing_else():
    world = joined()
    world.hear(b"junk\r\n" + b"ERXUDP " + b"F" * 4000 + b"\r\n" + b"EVENT 99\r\nERXUDP x\r\n")
    assert world.c.stats["junk"] == 3 and world.c.stats["overlong"] == 1
    world.module.datagram(GET)
    world.run(100000)
    assert world.take() == [("datagram", HEMS, GET)]


def test_back_off_grows_to_a_minute_and_falls_back_when_the_module_is_proven():
    module = FakeModule()
    module.dead = True
    world = World(module)
    world.run(1800000)
    restarts = world.c.stats["restarts"]
    assert 25 <= restarts <= 40
    module.dead = False
    world.up(70000)
    module.power_cycle()
    world.run(75000)
    assert world.c.serving


def test_secrets_are_in_no_event_and_no_text():
    for step in STEPS:
        module = FakeModule(echo=True)
        module.fail[step] = b"ER06"
        world = World(module)
        world.run(20000)
        text = repr(world.events) + repr(world.c) + str(world.c) + repr(world.c.stats) + repr(world.c._setup)
        assert PASSWORD not in text and ROUTE_B_ID not in text and ROUTE_B_ID[-8:] not in text


def test_events_that_nobody_fetches_stay_few():
    world = joined()
    for _ in range(100):
        world.c.receive(world.module.d.erxudp(HEMS, IP, GET), world.now_ms)
    assert len(world.c.events()) == 32 and world.c.stats["dropped"] == 68
