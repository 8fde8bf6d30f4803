"""Text modules on the serial side: transcripts, line discipline, echo, errors (b-route.md E1-E4, J)."""

import pytest
from keiki_host.bench.wisun.core import DialectName

from tests.host.radio_world import PASSWORD, ROUTE_B_ID, RadioWorld

DIALECTS: tuple[DialectName, ...] = ("bp35c2", "bp35a1")
METER = "FE80:0000:0000:0000:021D:1290:1234:5678"
MAC = "001D12900003C890"
IP = "FE80:0000:0000:0000:021D:1290:0003:C890"
NOBODY = "FE80:0000:0000:0000:021D:1290:FFFF:FFFF"
GET = bytes.fromhex("1081000105FF010288016201E700")
ANSWER = bytes.fromhex("1081000102880105FF017201E704000001F8")
D5 = bytes.fromhex("108100010EF0010EF0017301D50401028801")


def lines(*texts: str) -> bytes:
    return "".join(text + "\r\n" for text in texts).encode()


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("hex_mode", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_happy_path_is_byte_for_byte_that_of_the_transcript(
    dialect: DialectName, hex_mode: bool, echo: bool
) -> None:
    world = RadioWorld()
    stick = world.stick(dialect, mac=MAC, echo=echo, hex_mode=hex_mode, noisy=True)
    dual = dialect == "bp35c2"
    side = " 0" if dual else ""
    lqi_byte = (
        f"{int((world.air.rssi_dbm(stick.radio.mac, world.meter.radio.mac) + 104.27) / 0.275 + 0.5):02X}"
    )
    lqi = f" {lqi_byte}" if dual else ""

    def said(command: str, *reply: str) -> None:
        assert stick.ask(command) == lines(*([command] if echo else []), *reply)

    def erxudp(dest: str, port: str, sec: int, data: bytes) -> bytes:
        head = f"ERXUDP {METER} {dest} {port} {port} 001D129012345678{lqi} {sec}{side} {len(data):04X} "
        return head.encode() + (data.hex().upper().encode() if hex_mode else data) + b"\r\n"

    assert stick.ask(b"\r\n") == b""
    assert stick.ask(b"ROPT\r") == (b"ROPT\r" if echo else b"") + b"OK 0%d\r" % hex_mode
    said("SKINFO", f"EINFO {IP} {MAC} 21 FFFF {'0' if dual else 'FFFE'}", "OK")
    said("SKRESET", "OK")
    said("SKSREG SFE " + str(int(echo)), "OK")
    said("SKSREG SA2 1", "OK")
    said("SKSETRBID " + ROUTE_B_ID, "OK")
    said("SKSETPWD C " + PASSWORD, "OK")
    said(f"SKSCAN 2 FFFFFFFF 6{side}", "OK")
    world.run(300)
    found = ["EPANDESC", "  Channel:2F", "  Channel Page:09", "  Pan ID:8888", "  Addr:001D129012345678"]
    found += [f"  LQI:{lqi_byte}", *(["  Side:0"] if dual else []), "  PairID:CCDDEEFF"]
    assert stick.writes == [lines(f"EVENT 20 {IP}{side}", *found), lines(f"EVENT 22 {IP}{side}")]
    said("SKLL64 001D129012345678", METER)
    said("SKSREG S2 2F", "OK")
    said("SKSREG S3 8888", "OK")
    said("SKJOIN " + METER, "OK")
    world.run(400)
    assert [write[:8] for write in stick.writes] == [
        *(b"EVENT 21", b"EVENT 02", b"EVENT 21"),
        *(b"ERXUDP F", b"ERXUDP F", b"EVENT 25"),
    ]
    assert stick.writes[:3] == [
        lines(f"EVENT 21 {METER}{side} 02"),
        lines(f"EVENT 02 {METER}{side}"),
        lines(f"EVENT 21 {METER}{side} 00"),
    ]
    assert stick.writes[3].startswith(erxudp(IP, "02CC", 0, bytes(40))[:120])
    assert stick.writes[5] == lines(f"EVENT 25 {METER}{side}")
    stick.take()
    world.meter.sendto("FF02:0000:0000:0000:0000:0000:0000:0001", D5, sec=1)
    world.meter.sendto(IP, D5, sec=1)
    world.run(100)
    assert stick.writes == [
        erxudp("FF02:0000:0000:0000:0000:0000:0000:0001", "0E1A", 1, D5),
        erxudp(IP, "0E1A", 1, D5),
    ]
    world.meter.take()
    head = f"SKSENDTO 1 {METER} 0E1A 2{side} 000E "
    echoed = [head] if echo else []
    assert stick.ask(head.encode() + GET) == lines(*echoed, f"EVENT 21 {METER}{side} 00", "OK")
    world.run(100)
    request = f"ERXUDP {IP} {METER} 0E1A 0E1A {MAC} 1 0 000E {GET.hex().upper()}"
    assert world.meter.take() == lines(request)
    world.meter.sendto(IP, ANSWER, sec=1)
    world.run(100)
    assert stick.take() == erxudp(IP, "0E1A", 1, ANSWER)
    said("SKTERM", "OK")
    world.run(100)
    assert stick.writes == [lines(f"EVENT 21 {METER}{side} 00"), lines(f"EVENT 27 {METER}{side}")]


def test_erxudp_of_the_dual_stack_has_ten_tokens_until_sa2_asks_for_the_eleventh() -> None:
    world = RadioWorld()
    for dialect, plain, with_sa2 in (("bp35c2", 10, 11), ("bp35a1", 9, 9)):
        stick = world.stick(dialect)  # type: ignore[arg-type]
        stick.join()
        for value, tokens in (("0", plain), ("1", with_sa2)):
            stick.ask("SKSREG SA2 " + value)
            world.meter.sendto(stick.ip, ANSWER, sec=1)
            world.run(100)
            assert len(stick.take().split()) == tokens
        stick.ask("SKTERM", 100)


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("SKVER", "EVER 1.5.2\r\nOK"),
        ("SKAPPVER", "EAPPVER keiki\r\nOK"),
        ("SKSREG S2", "ESREG 21\r\nOK"),
        ("SKSREG S02", "ESREG 21\r\nOK"),
        ("SKSREG S03", "ESREG FFFF\r\nOK"),
        ("SKSREG S07", "ESREG 00000000\r\nOK"),
        ("SKSREG S0A", "ESREG CCDDEEFF\r\nOK"),
        ("SKSREG S0B", "ESREG HAN_INIT\r\nOK"),
        ("SKSREG S15", "ESREG 0\r\nOK"),
        ("SKSREG S16", "ESREG 00015180\r\nOK"),
        ("SKSREG S17", "ESREG 1\r\nOK"),
        ("SKSREG S1C", "ESREG 00000000\r\nOK"),
        ("SKSREG SA1", "ESREG 1\r\nOK"),
        ("SKSREG SA2", "ESREG 0\r\nOK"),
        ("SKSREG SA9", "ESREG 1\r\nOK"),
        ("SKSREG SF0", "ESREG 0\r\nOK"),
        ("SKSREG SFB", "ESREG 0\r\nOK"),
        ("SKSREG SFD", "ESREG 0000000000000000\r\nOK"),
        ("SKSREG SFE", "ESREG 0\r\nOK"),
        ("SKSREG SFF", "ESREG 0\r\nOK"),
        ("SKSREG S2 3C", "OK"),
        ("SKSREG S002 2f ", "FAIL ER06"),
        ("SKSREG S2  2f ", "OK"),
        ("SKSREG S2 20", "FAIL ER06"),
        ("SKSREG S2 3D", "FAIL ER06"),
        ("SKSREG S2 0x21", "FAIL ER06"),
        ("SKSREG S3 10000", "FAIL ER06"),
        ("SKSREG S07 0", "FAIL ER06"),
        ("SKSREG SFB 1", "FAIL ER06"),
        ("SKSREG S0A SHORT", "FAIL ER06"),
        ("SKSREG S16 3B", "FAIL ER06"),
        ("SKSREG S16 3C", "OK"),
        ("SKSREG S17 2", "FAIL ER06"),
        ("SKSREG S44", "FAIL ER06"),
        ("SKSREG X02 21", "FAIL ER06"),
        ("SKSREG", "FAIL ER05"),
        ("SKSREG S2 21 21", "FAIL ER05"),
        ("SKNOSUCH", "FAIL ER04"),
        ("skver", "FAIL ER04"),
        ("SKVER 1", "FAIL ER05"),
        ("SKSCAN 2 FFFFFFFF 6", "FAIL ER05"),
        ("SKSCAN 1 FFFFFFFF 6 0", "FAIL ER06"),
        ("SKSCAN 2 FFFFFFFF F 0", "FAIL ER06"),
        ("SKSCAN 2 0 6 0", "FAIL ER06"),
        ("SKSCAN 2 FFFFFFFFF 6 0", "FAIL ER06"),
        ("SKSCAN 2 FFFFFFFF 6 2", "FAIL ER06"),
        ("SKSETPWD B 0123456789AB", "FAIL ER06"),
        ("SKSETPWD 0C 0123456789AB", "OK"),
        ("SKSETPWD 0 ", "FAIL ER05"),
        ("SKSETRBID 0123", "FAIL ER06"),
        ("SKSETPSK 10 00112233445566778899AABBCCDDEEFF", "OK"),
        ("SKSETPSK 10 0011", "FAIL ER06"),
        ("SKSETPSK C 00112233445566778899AABBCCDDEEFF", "FAIL ER06"),
        ("SKLL64 001D12900003C890", "FE80:0000:0000:0000:021D:1290:0003:C890"),
        ("SKLL64 1D12900003C890", "FAIL ER06"),
        ("SKJOIN FE80::1", "FAIL ER06"),
        ("SKJOIN " + METER, "FAIL ER10"),
        ("SKREJOIN", "FAIL ER10"),
        ("SKTERM", "FAIL ER10"),
        ("SKSTART", "FAIL ER10"),
        ("SKPING 0 " + METER, "OK"),
        ("SKPING " + METER, "FAIL ER05"),
        ("SKTABLE 1", f"EADDR\r\n{IP}\r\nOK"),
        ("SKTABLE 2", "ENEIGHBOR\r\nOK"),
        ("SKTABLE 9", "ENBR\r\nOK"),
        ("SKTABLE A", "ESEC\r\nOK"),
        ("SKTABLE E", "EPORT\r\n0E1A\r\n02CC\r\n4D4C\r\n0000\r\n0000\r\n0000\r\nOK"),
        ("SKTABLE 3", "FAIL ER06"),
        ("SKUDPPORT 4 1F90", "OK"),
        ("SKUDPPORT 4 0E1A", "FAIL ER10"),
        ("SKUDPPORT 7 1F90", "FAIL ER06"),
        (f"SKADDNBR {METER} 001D129012345678", "OK"),
        (f"SKADDNBR {METER} 12", "FAIL ER06"),
        ("SKRMDEV 001D129012345678", "FAIL ER10"),
        ("SKLOAD", "FAIL ER10"),
        ("SKSAVE", "OK"),
        ("SKERASE", "OK"),
        ("SKRFLO 1", "OK"),
        ("SKRESET", "OK"),
        ("SKREGDEV " + METER, "FAIL ER04"),
        ("SKSECENABLE 1 0 0011223344556677", "FAIL ER04"),
        ("SKSETHPWD 001D129012345678 0123456789ABCDEF", "OK"),
        ("SKOPEN 12C", "FAIL ER10"),
        ("SKOPEN XYZ", "FAIL ER06"),
        (f"SKSENDTO 1 {METER} 0E1A 1 0 0004 abcd", "FAIL ER10"),
        (f"SKSENDTO 5 {METER} 0E1A 0 0 0004 abcd", "FAIL ER10"),
        (f"SKSENDTO 7 {METER} 0E1A 0 0 0004 abcd", "FAIL ER06"),
        ("SKSENDTO 1 FE80::1 0E1A 0 0 0004 abcd", "FAIL ER06"),
        (f"SKSENDTO 1 {METER}", "FAIL ER05"),
        ("SKSENDTO", "FAIL ER05"),
        (f"SKSENDTO 1 {NOBODY} 0E1A 0 0 0004 abcd", f"EVENT 21 {NOBODY} 0 01\r\nOK"),
        ("SKVER\x01", "FAIL ER09"),
        ("SKVER" + " " * 600, "FAIL ER09"),
    ],
)
def test_a_dual_stack_module_answers(command: str, reply: str) -> None:
    stick = RadioWorld(lifetime_s=None).stick(mac=MAC)
    assert stick.ask(command) == reply.encode() + b"\r\n"
    assert stick.ask("SKVER") == b"EVER 1.5.2\r\nOK\r\n"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("SKSCAN 2 FFFFFFFF 6 0", "FAIL ER05"),
        ("SKPING " + METER, "OK"),
        ("SKREGDEV " + METER, "OK"),
        ("SKRMDEV " + METER, "FAIL ER10"),
        ("SKSETKEY 0 00112233445566778899AABBCCDDEEFF", "OK"),
        ("SKRMKEY 0", "OK"),
        ("SKSECENABLE 1 FE80 0011223344556677", "OK"),
        ("SKTCPPORT 1 1F90", "OK"),
        (f"SKCONNECT {METER} 1F90 1F90 1", "FAIL ER10"),
        ("SKCLOSE 1", "FAIL ER10"),
        ("SKOPEN 12C", "FAIL ER04"),
        ("SKSETHPWD 001D129012345678 0123456789ABCDEF", "FAIL ER04"),
        ("SKSREG SF0", "FAIL ER06"),
        ("SKSREG SA2 1", "OK"),
        (f"SKSENDTO 1 {NOBODY} 0E1A 0 0004 abcd", f"EVENT 21 {NOBODY} 01\r\nOK"),
    ],
)
def test_a_single_hop_module_answers(command: str, reply: str) -> None:
    stick = RadioWorld(lifetime_s=None).stick("bp35a1", mac=MAC)
    assert stick.ask(command) == reply.encode() + b"\r\n"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (b"ROPT\r", b"OK 00\r"),
        (b"WOPT 01\r", b"OK\r"),
        (b"WOPT 1\r", b"OK\r"),
        (b"WOPT 02\r", b"FAIL ER06\r"),
        (b"WOPT\r", b"FAIL ER05\r"),
        (b"RUART\r", b"OK 00\r"),
        (b"WUART 16\r", b"OK\r"),
        (b"WUART 07\r", b"FAIL ER06\r"),
        (b"WUART 60\r", b"FAIL ER06\r"),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_product_commands_and_their_replies_end_in_cr_alone(
    dialect: DialectName, command: bytes, reply: bytes
) -> None:
    world = RadioWorld(lifetime_s=None)
    assert world.stick(dialect, hex_mode=None).ask(command) == reply
    assert world.stick(dialect, hex_mode=None, echo=True).ask(command) == command + reply
    assert world.stick("rl7023ips", hex_mode=None).ask(command) == b"FAIL ER04\r"


def test_an_rl7023ips_prints_hex_without_being_told() -> None:
    world = RadioWorld()
    stick = world.stick("rl7023ips", hex_mode=None)
    assert stick.ask("SKINFO").endswith(b" FFFE\r\nOK\r\n")
    stick.join()
    world.meter.sendto(stick.ip, b"\r\n", sec=1)
    world.run(100)
    assert stick.take().endswith(b" 0002 0D0A\r\n")


def test_echo_is_on_from_the_factory_and_the_command_that_ends_it_is_still_echoed() -> None:
    stick = RadioWorld().stick(echo=True)
    assert stick.ask("SKSREG SFE 0 ") == b"SKSREG SFE 0 \r\nOK\r\n"
    assert stick.ask("SKVER") == b"EVER 1.5.2\r\nOK\r\n"
    assert stick.ask("SKRESET") == b"OK\r\n"
    assert stick.ask("SKNOSUCH ") == b"SKNOSUCH \r\nFAIL ER04\r\n"


def test_stray_line_ends_are_nothing() -> None:
    world = RadioWorld()
    stick = world.stick(echo=True)
    assert stick.ask(b"\r\n\r\n\n\r\r\n") == b""
    stick.module.receive(b"ROPT\r\nSKSREG SFE 0\r\n")
    assert stick.writes == [b"ROPT\rOK 01\r", b"SKSREG SFE 0\r\nOK\r\n"]
    stick.join()
    assert stick.sendto(world.meter.ip, b"a\r\nb") == f"EVENT 21 {METER} 0 00\r\nOK\r\n".encode()
    assert stick.ask(b"\r\n") == b""
    world.run(100)
    assert world.meter.take().endswith(b" 0004 610D0A62\r\n")


def test_sendto_is_carried_out_at_its_last_byte_whatever_the_bytes_are() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    payload = bytes(range(256)) + b"SKVER\r\nROPT\r"
    command = f"SKSENDTO 1 {METER} E1A 2 0 {len(payload):X} ".encode() + payload
    assert stick.ask(command[:-1]) == b""
    assert stick.ask(command[-1:]).endswith(b" 00\r\nOK\r\n")
    world.run(100)
    assert world.meter.take().split()[-1] == payload.hex().upper().encode()


def test_what_follows_a_refused_sendto_is_not_taken_for_commands() -> None:
    stick = RadioWorld().stick()
    stick.module.receive(f"SKSENDTO 1 {METER} 0E1A 3 0 0007 SKVER\r\n".encode())
    assert stick.take() == b"FAIL ER06\r\n"
    assert stick.ask("SKVER") == b"EVER 1.5.2\r\nOK\r\n"


def test_one_reply_is_one_write() -> None:
    world = RadioWorld()
    stick = world.stick(echo=True)
    stick.module.receive(f"SKINFO\r\nSKTABLE E\r\nSKJOIN {METER}\r\n".encode())
    assert [write.split(b"\r\n")[0][:6] for write in stick.writes] == [b"SKINFO", b"SKTABL", b"SKJOIN"]
    assert all(write.endswith((b"OK\r\n", b"FAIL ER10\r\n")) for write in stick.writes)


def test_unasked_lines_keep_their_distance_to_what_was_written_before() -> None:
    world = RadioWorld()
    world.air.delay_ms = 0
    stick = world.stick(gap_ms=20)
    stick.join(ms=0)
    joined_ms = world.time.now_ms
    for at_ms in range(0, 310, 5):
        world.run(joined_ms + at_ms - world.time.now_ms)
        if stick.module.sessions.pac.session is not None:
            world.meter.sendto(stick.ip, D5, sec=1)
            break
    world.run(100)
    assert [write[:8] for write in stick.writes] == [b"OK\r\n", b"EVENT 25", b"ERXUDP F"][1:]
    assert stick.at_ms[1] - stick.at_ms[0] >= 20
    stick.take()
    stick.module.receive(f"SKSENDTO 1 {METER} 0E1A 2 0 0001 x".encode())
    world.meter.sendto(stick.ip, ANSWER, sec=1)
    world.run(100)
    assert [write[:8] for write in stick.writes] == [b"EVENT 21", b"ERXUDP F"]
    assert stick.at_ms[1] - stick.at_ms[0] >= 20


def test_output_mode_outlives_resets_and_power_and_registers_do_not() -> None:
    world = RadioWorld()
    stick = world.stick(hex_mode=None)
    stick.ask(b"WOPT 01\r")
    stick.join()
    stick.ask("SKSREG SA2 1")
    for again in (lambda: stick.ask("SKRESET"), stick.module.power_cycle):
        again()
        assert stick.ask(b"ROPT\r") == b"OK 01\r"
        assert stick.ask("SKSREG SA2") == b"ESREG 0\r\nOK\r\n"
        assert stick.ask("SKSREG S3") == b"ESREG FFFF\r\nOK\r\n"
        assert stick.ask("SKTERM") == b"FAIL ER10\r\n"
        assert stick.ask("SKJOIN " + METER) == b"FAIL ER10\r\n"


def test_what_a_client_leaves_behind_is_there_for_the_next() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.ask("SKSREG SA2 1")
    stick.join()
    assert stick.ask(b"\r\n") == b""
    assert stick.ask("SKSREG SA2") == b"ESREG 1\r\nOK\r\n"
    assert stick.ask("SKTERM").startswith(b"OK\r\n")


def test_saved_registers_come_back_by_command_and_with_autoload_at_a_reset() -> None:
    stick = RadioWorld().stick()
    stick.ask("SKSREG S2 30")
    stick.ask("SKSAVE")
    stick.ask("SKRESET")
    assert stick.ask("SKSREG S2") == b"ESREG 21\r\nOK\r\n"
    assert stick.ask("SKLOAD") == b"OK\r\n"
    assert stick.ask("SKSREG S2") == b"ESREG 30\r\nOK\r\n"
    stick.ask("SKSREG SFF 1")
    stick.ask("SKSAVE")
    stick.module.power_cycle()
    assert stick.ask("SKSREG S2") == b"ESREG 30\r\nOK\r\n"
    stick.ask("SKERASE")
    stick.ask("SKRESET")
    assert stick.ask("SKSREG S2") == b"ESREG 21\r\nOK\r\n"


def test_a_sleeping_module_wakes_at_the_next_byte_which_is_lost() -> None:
    world = RadioWorld()
    stick = world.stick(mac=MAC)
    assert stick.ask("SKDSLEEP") == b"OK\r\n"
    assert not stick.radio.on
    world.run(100)
    assert stick.ask(b"\nSKVER\r\n", 100) == b"EVENT C0 %s 0\r\nEVER 1.5.2\r\nOK\r\n" % IP.encode()


def test_neighbours_are_listed_and_removed() -> None:
    stick = RadioWorld().stick()
    stick.ask(f"SKADDNBR {METER} 001D129012345678")
    assert stick.ask("SKTABLE 2") == f"ENEIGHBOR\r\n{METER} 001D129012345678\r\nOK\r\n".encode()
    assert stick.ask("SKRMDEV 001D129012345678") == b"OK\r\n"
    assert stick.ask("SKTABLE 2") == b"ENEIGHBOR\r\nOK\r\n"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_ping_is_answered_by_who_is_there(dialect: DialectName) -> None:
    world = RadioWorld()
    stick = world.stick(dialect)
    stick.tune()
    side = "0 " if dialect == "bp35c2" else ""
    assert stick.ask(f"SKPING {side}{METER}", 100) == f"OK\r\nEPONG {side}{METER}\r\n".encode()
    assert stick.ask(f"SKPING {side}{NOBODY}", 1000) == b"OK\r\n"


def test_udp_arrives_only_on_bound_ports() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    command = f"SKSENDTO 1 {stick.ip} 1F90 1 0 0002 hi"
    assert world.meter.ask(command, 100).endswith(b" 00\r\nOK\r\n")
    assert stick.take() == b""
    stick.ask("SKUDPPORT 4 1F90")
    world.meter.ask(command, 100)
    assert b" 0E1A 1F90 " in stick.take()


def test_no_sending_from_join_to_its_end_and_none_while_scanning() -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join(ms=100)
    assert stick.sendto(METER, b"x", sec=0) == b"FAIL ER10\r\n"
    world.run(300)
    assert stick.sendto(METER, b"x").endswith(b"OK\r\n")
    assert stick.ask("SKSCAN 2 FFFFFFFF 6 0") == b"OK\r\n"
    assert stick.sendto(METER, b"x") == b"FAIL ER10\r\n"
    assert stick.ask("SKSCAN 2 FFFFFFFF 6 0") == b"FAIL ER10\r\n"
    assert stick.ask("SKJOIN " + METER) == b"FAIL ER10\r\n"
