"""MicroPython's SNTP client against servers on loopback, good ones and every bad kind."""

import json
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

T0_S = 1782876000  # 2026-07-01 12:20:00 JST
NTP_S = 2208988800
EMPTY_ERA_1_S = 2085978496  # 2036-02-07 06:28:16

CLIENT = """
import asyncio, json, sys
from keiki.hal.unix import random_below, ticks_ms
from keiki.hal.unix_sntp import sntp_exchange
from keiki.meter.clock import Clock
from keiki.meter.sntp import SntpClient

job = json.loads(sys.argv[1])
events = []
clock = Clock(ticks_ms, job["clock_ms"], job["sure"])
clock.on_event = lambda *event: events.append(event)
client = SntpClient(
    clock, sntp_exchange, job["servers"], ticks_ms, random_below, timeout_ms=job["timeout_ms"]
)
beats = 0

async def beat():
    global beats
    while True:
        beats += 1
        await asyncio.sleep_ms(1)

async def main():
    task = asyncio.create_task(beat())
    began = ticks_ms()
    agreed = await client.round()
    took_ms = ticks_ms() - began
    task.cancel()
    print(json.dumps({
        "agreed": agreed, "unsure": clock.unsure, "events": events, "beats": beats, "took_ms": took_ms,
        "ahead_ms": clock.utc_ms() - job["clock_ms"], "slew_ms": clock.slew_ms,
        "fault": client.last_fault, "stats": client.stats,
    }))

asyncio.run(main())
"""

Play = Callable[[bytes], bytes | None]


def answer(request: bytes, utc_s: float = T0_S, **changes: int) -> bytes:
    """What a good server at `utc_s` says, but for `changes`."""
    leap, stratum = changes.get("leap", 0), changes.get("stratum", 2)
    seconds, fraction = divmod(int((utc_s + NTP_S) * 1000), 1000)
    stamp = struct.pack(">II", seconds & 0xFFFFFFFF, (fraction << 32) // 1000)
    head = struct.pack(">BBbbII4s", leap << 6 | 0x24, stratum, 6, -20, 0x400, 0x200, b"RATE")
    return head + stamp + request[40:] + stamp + stamp


@contextmanager
def server(play: Play, address: str = "127.0.0.1") -> Iterator[int]:
    """Answer each datagram on a port of `address` as `play` says, until the block ends."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))

        def serve() -> None:
            while True:
                request, peer = sock.recvfrom(2000)
                if request == b"end":
                    return
                if (data := play(request)) is not None:
                    sock.sendto(data, peer)

        port = sock.getsockname()[1]
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port
        finally:
            with socket.socket(family, socket.SOCK_DGRAM) as ender:
                ender.sendto(b"end", (address, port))
            thread.join()


class Desk:
    """Runs one round of the client under MicroPython."""

    def __init__(self, micropython: str, env: dict[str, str]) -> None:
        self._command = [micropython, "-X", "heapsize=128wK", "-c", CLIENT]
        self._env = env

    def ask(self, servers: list[str], *, sure: bool = False, timeout_ms: int = 2000, dns: str = "") -> dict:
        """Return what the client printed; its clock began 90 s behind the servers', or right if `sure`."""
        clock_ms = (T0_S - (0 if sure else 90)) * 1000
        job = {"servers": servers, "sure": sure, "timeout_ms": timeout_ms, "clock_ms": clock_ms}
        done = subprocess.run(
            [*self._command, json.dumps(job)],
            env={**self._env, "KEIKI_DNS": dns},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def play(self, *plays: Play, sure: bool = False, timeout_ms: int = 2000) -> dict:
        """One round with a server for each of `plays`."""
        with ExitStack() as stack:
            ports = [stack.enter_context(server(play)) for play in plays]
            return self.ask([f"127.0.0.1:{port}" for port in ports], sure=sure, timeout_ms=timeout_ms)


@pytest.fixture
def desk(micropython: str, mpy_env: dict[str, str]) -> Desk:
    return Desk(micropython, {**mpy_env, "KEIKI_WORLD": ""})


def test_two_good_servers_set_the_clock(desk: Desk) -> None:
    said = desk.play(answer, answer)
    assert said["agreed"] and not said["unsure"]
    assert 90_000 <= said["ahead_ms"] <= 91_000
    assert [event[0] for event in said["events"]] == ["set"]
    assert said["stats"]["answered"] == 2


def test_one_good_server_does_not(desk: Desk) -> None:
    said = desk.play(answer)
    assert said["unsure"] and not said["agreed"] and said["ahead_ms"] < 1000


BAD: dict[str, tuple[Play, str]] = {
    "wrong originate": (lambda request: answer(request[:40] + bytes(8)), "originate"),
    "stratum 0": (lambda request: answer(request, stratum=0), "RATE"),
    "stratum 16": (lambda request: answer(request, stratum=16), "stratum"),
    "leap 3": (lambda request: answer(request, leap=3), "leap"),
    "truncated": (lambda request: answer(request)[:47], "length"),
    "empty": (lambda _: b"", "length"),
    "echo": (lambda request: request, "mode"),
    "no transmit time": (lambda request: answer(request)[:40] + bytes(8), "zero"),
    "1970": (lambda request: answer(request, 0), "year"),
    "2000": (lambda request: answer(request, 946684800), "year"),
    "2036, empty": (lambda request: answer(request, EMPTY_ERA_1_S), "zero"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_servers_set_nothing_even_if_they_are_two(desk: Desk, kind: str) -> None:
    play, fault = BAD[kind]
    said = desk.play(play, play)
    assert said["unsure"] and not said["agreed"] and said["ahead_ms"] < 1000
    assert said["events"] == [] and said["fault"].endswith(": " + fault)
    assert said["stats"]["bad"] + said["stats"]["kiss"] == 2


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_server_between_good_ones_harms_nothing(desk: Desk, kind: str) -> None:
    said = desk.play(answer, BAD[kind][0], answer)
    assert said["agreed"] and not said["unsure"]
    assert 90_000 <= said["ahead_ms"] <= 91_000


@pytest.mark.parametrize("sure", [False, True])
def test_servers_in_2036_change_nothing_however_many_they_are(desk: Desk, sure: bool) -> None:
    for count in (1, 3):
        bogus = [lambda request: answer(request, EMPTY_ERA_1_S + 100)] * count
        said = desk.play(*bogus, sure=sure)
        assert not said["agreed"] and said["ahead_ms"] < 2000 and said["unsure"] is not sure
        assert [event[0] for event in said["events"]] == ["refused"] * count


def test_a_server_in_2036_is_outvoted(desk: Desk) -> None:
    said = desk.play(answer, lambda request: answer(request, EMPTY_ERA_1_S + 100), answer, sure=True)
    assert said["agreed"] and said["ahead_ms"] < 2000
    assert [event[0] for event in said["events"]] == ["refused"]
    assert said["stats"]["outvoted"] == 1


def test_silence_is_waited_for_and_the_meter_goes_on_meanwhile(desk: Desk) -> None:
    said = desk.play(lambda _: None, answer, lambda _: None, answer, timeout_ms=200)
    assert said["agreed"] and not said["unsure"]
    assert said["stats"]["silent"] == 2 and said["stats"]["answered"] == 2
    assert said["took_ms"] >= 400 and said["beats"] >= 20


def test_a_port_nobody_listens_on_is_silence(desk: Desk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    said = desk.ask([f"127.0.0.1:{port}"])
    assert said["stats"]["silent"] == 1 and not said["agreed"]


def test_what_others_send_is_not_heard(desk: Desk) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        asked.bind(("127.0.0.1", 0))
        heard: list[bytes] = []

        def forge() -> None:
            request, peer = asked.recvfrom(2000)
            heard.append(request)
            stranger.sendto(answer(request), peer)

        thread = threading.Thread(target=forge)
        thread.start()
        said = desk.ask([f"127.0.0.1:{asked.getsockname()[1]}"], timeout_ms=300)
        thread.join()
    assert len(heard) == 1 and said["stats"]["silent"] == 1


def test_no_such_server_is_silence(desk: Desk) -> None:
    servers = ["", "127.0.0.1:http", "[::1", "..."]
    said = desk.ask(servers, timeout_ms=200)
    assert said["stats"]["silent"] == 4 and not said["agreed"]


def test_a_server_on_ipv6(desk: Desk) -> None:
    with server(answer, "::1") as port, server(answer) as other:
        said = desk.ask([f"[::1]:{port}", f"127.0.0.1:{other}"])
    assert said["agreed"] and said["stats"]["answered"] == 2


def resolve(query: bytes) -> bytes | None:
    """A name server: *.good lives on 127.0.0.1, *.mute is never answered, other names do not exist."""
    labels = query[12:-5]
    if labels.endswith(b"\x04mute"):
        return None
    found = labels.endswith(b"\x04good") and query[-4:-2] == b"\x00\x01"
    flags = 0x8180 if labels.endswith(b"\x04good") else 0x8183
    record = b"\xc0\x0c\x00\x01\x00\x01" + struct.pack(">IH", 60, 4) + b"\x7f\x00\x00\x01"
    head = query[:2] + struct.pack(">HHHHH", flags, 1, int(found), 0, 0)
    return head + query[12:] + (record if found else b"")


def test_names_are_looked_up_without_holding_up_the_meter(desk: Desk) -> None:
    with server(resolve) as dns, server(answer) as one, server(answer) as two:
        servers = [f"one.good:{one}", f"nobody.bad:{one}", f"a.mute:{one}", f"two.good:{two}"]
        said = desk.ask(servers, timeout_ms=300, dns=f"127.0.0.1:{dns}")
    assert said["agreed"] and said["stats"]["answered"] == 2 and said["stats"]["silent"] == 2
    assert said["took_ms"] >= 300 and said["beats"] >= 15
