"""Whatever the module says, the coordinator never raises, never spins, and serves again in bounded time."""

from fake_sk_module import HEMS, IP, OTHER, FakeModule, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keiki.wire.sk.dialect import BP35A1, BP35C2

RECOVERY_MS = 300_000  # a probe (60 s), three misses, the longest back-off and one start-up, with room

_C2 = BP35C2
TOKENS = st.sampled_from(
    [
        b"OK\r\n",
        b"OK 00\r",
        b"OK 01\r",
        b"FAIL ER04\r\n",
        b"FAIL ER10\r\n",
        b"EEDSCAN\r\n",
        b"0 21 10 23 E1\r\n",
        b"  Pan ID:8888\r\n",
        b"SKSTART\r\n",
        _C2.einfo(bytes(8), 0x21, 0xFFFF),
        _C2.einfo(bytes(8), 0x2F, 0x8000),
        _C2.erxudp(HEMS, IP, b"\x10\x81"),
        _C2.erxudp(OTHER, IP, b"\x10\x81", lqi=1),
        _C2.erxudp(HEMS, IP, b"\r\nOK\r\n", binary=True),
        *[_C2.event(num, HEMS, 0) for num in (0x02, 0x21, 0x24, 0x32, 0x33, 0xC0)],
        *[
            _C2.event(num, ip)
            for num in (0x1F, 0x20, 0x22, 0x25, 0x26, 0x27, 0x28, 0x29)
            for ip in (HEMS, OTHER)
        ],
        _C2.event(0x21, HEMS, 1),
    ]
)
NOISE = st.lists(st.one_of(TOKENS, st.binary(max_size=60), st.just(b"x" * 3000)), max_size=12).map(b"".join)
DIALECTS = st.sampled_from([BP35A1, BP35C2])
CALM = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def serve_again(world: World) -> None:
    world.up(RECOVERY_MS)
    world.run(70_000)  # a probe later it must still be true, or true again
    world.up(RECOVERY_MS)
    module = world.module
    world.hear(module.d.event(0x33, IP) + module.d.event(0x25, HEMS))
    world.run(20_000)
    assert module.started and world.c.peer == HEMS
    sent = len(module.sent)
    assert world.c.send(HEMS, b"\x10\x81")
    world.run(20_000)
    assert len(module.sent) > sent


@CALM
@given(DIALECTS, st.lists(st.tuples(NOISE, st.integers(0, 20_000), st.booleans()), max_size=8))
def test_after_any_noise_it_serves_again(dialect, story) -> None:
    world = World(FakeModule(dialect))
    for noise, wait_ms, send in story:
        world.module.say(noise)
        world.run(wait_ms)
        if send:
            world.c.send(None, b"\x10\x81\x00\x01")
    serve_again(world)


ACTIONS = st.sampled_from(["reset", "dead", "alive", "mute", "fail", "well", "join", "end", "send", "half"])


@CALM
@given(
    DIALECTS, st.lists(st.tuples(ACTIONS, st.integers(0, 90_000)), max_size=12), st.sampled_from([0, 1, 9])
)
def test_after_any_illness_of_the_module_it_serves_again(dialect, story, chunk) -> None:
    world = World(FakeModule(dialect), chunk)
    module = world.module
    names = ["SKTERM", "SKRESET", "SKINFO", "SKSENDTO", "SKSTART", "SKSCAN0", "SKSREG S3"]
    for action, wait_ms in story:
        if action == "reset":
            module.power_cycle(b"boot\r\n")
        elif action in ("dead", "alive"):
            module.dead = action == "dead"
        elif action == "mute":
            module.mute.add(names[wait_ms % len(names)])
        elif action == "fail":
            module.fail[names[wait_ms % len(names)]] = b"ER10"
        elif action == "well":
            module.mute.clear()
            module.fail.clear()
        elif action == "half":
            module.receive(module.d.sendto(1, HEMS, 0x0E1A, 1, bytes(1232))[:-700])
        elif action == "send":
            world.c.send(None, b"\x10\x81\x00\x02")
        else:
            module.say(module.d.event(0x25 if action == "join" else 0x29, HEMS))
        world.run(wait_ms)
    module.dead = False
    module.mute.clear()
    module.fail.clear()
    serve_again(world)
