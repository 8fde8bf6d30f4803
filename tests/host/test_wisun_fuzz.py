"""Arbitrary input to a text module: it never raises, portions do not matter, and it answers afterwards."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from keiki_host.bench.wisun.table import HANDLERS

from tests.host.radio_world import RadioWorld

METER = b"FE80:0000:0000:0000:021D:1290:1234:5678"
NEVER_ASLEEP = [name for name in HANDLERS if name != "SKDSLEEP"]
FLUSH = b"\r\n" + b" " * 1300 + b"\r\n"

token = st.one_of(
    st.sampled_from(
        ["0", "1", "2", "6", "FFFFFFFF", "S2", "SFE", "C", "0E1A", "0004", METER.decode(), "", "FFFF"]
    ),
    st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=6),
)
typed = st.builds(
    lambda name, args, end: " ".join([name, *args]).encode("latin-1") + end,
    st.sampled_from(NEVER_ASLEEP),
    st.lists(token, max_size=8),
    st.sampled_from([b"\r\n", b"\r", b"\n", b"", b" \r\n", b"\r\r\n"]),
)
sendto = st.builds(
    lambda sec, size, data: b"SKSENDTO 1 %s 0E1A %d 0 %04X " % (METER, sec, size) + data,
    st.integers(0, 3),
    st.integers(0, 40),
    st.binary(max_size=40),
)
line = st.sampled_from([b"A" * 511, b"A" * 512, b"A" * 513, b"A" * 514, b"ROPT " + b"B" * 520])
stream = st.lists(st.one_of(typed, sendto, line, st.binary(max_size=80)), max_size=8).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(stream, st.sampled_from(["bp35a1", "bp35c2", "rl7023ips"]), st.booleans())
def test_nothing_typed_raises_or_silences_a_module(data: bytes, dialect: str, joined: bool) -> None:
    world = RadioWorld()
    stick = world.stick(dialect)  # type: ignore[arg-type]
    if joined:
        stick.join()
    stick.module.receive(data)
    world.run(500)
    stick.module.receive(FLUSH)
    stick.module.receive(b"SKSREG SFE 0\r\n")
    world.run(2000)
    assert stick.ask("SKVER") == b"EVER 1.5.2\r\nOK\r\n"


@settings(max_examples=200, deadline=None)
@given(stream, st.lists(st.integers(1, 40), min_size=1, max_size=6))
@example(b"A" * 512 + b"\r\n", [1])
@example(b"A" * 513 + b"\r\n", [1])
@example(b"ROPT " + b"B" * 520 + b"\r\n", [1])
@example(b"SKSENDTO 1 FE80\r\nSKSCAN 2 F 4 0 \r\n", [1])
@example(b"SKSENDTO " + b"1" * 200 + b" 1 1 1 1 1 1\r\nSKVER\r\n", [1])
@example(b"\n\r\rSKVER\rSKVER\r\nSKVER\r\n", [1])
def test_portions_of_the_input_do_not_matter(data: bytes, sizes: list[int]) -> None:
    outputs = []
    for cut in (False, True):
        world = RadioWorld()
        stick = world.stick(echo=True)
        if cut:
            start, turn = 0, 0
            while start < len(data):
                stick.module.receive(data[start : start + sizes[turn % len(sizes)]])
                start += sizes[turn % len(sizes)]
                turn += 1
        else:
            stick.module.receive(data)
        world.run(3000)
        outputs.append(stick.writes)
    assert outputs[0] == outputs[1]


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_any_payload_crosses_whole_in_both_output_modes(payload: bytes) -> None:
    world = RadioWorld()
    stick = world.stick()
    stick.join()
    stick.sendto(world.meter.ip, payload, ms=100)
    assert world.meter.take().endswith(b" %04X %s\r\n" % (len(payload), payload.hex().upper().encode()))
    stick.ask(b"WOPT 00\r")
    world.meter.sendto(stick.ip, payload, ms=100)
    assert stick.take().endswith(b" %04X %s\r\n" % (len(payload), payload))
