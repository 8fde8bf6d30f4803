"""1,000 power cuts of the real server on emulated flash: no nonce comes twice, no request is served twice."""

import random
from typing import Any

import pytest
from cosem_guards import AK, EK, METER, READ_AK, READ_EK, head_end
from cosem_world import IMPORT, MANAGEMENT, PROFILE, READER, TEXT, Connection, World
from keiki.drivers.flashlog import Flash, Log
from keiki.meter.counters import CLIENTS, SIZE, Counters
from keiki.meter.guards import ClientGuard
from keiki.wire.cosem import acse, apdu
from keiki.wire.cosem.axdr import OCTETS, Reader
from keiki.wire.cosem.client import Client, Refused
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.security import Cipher, SecurityError
from keiki.wire.cosem.session import CounterError
from keiki.wire.cosem.values import encode
from nor import Nor

CUTS = 1000
RECEIVER = CLIENTS[2]
KEYS = {MANAGEMENT: (EK, AK), READER: (READ_EK, READ_AK)}


class Noting(Cipher):
    """Keys that keep every nonce of the meter they were used with, and refuse to use one twice."""

    def __init__(self, ek: bytes, ak: bytes, used: set[tuple[bytes, int]]) -> None:
        super().__init__(ek, ak)
        self._ek = ek
        self._used = used

    def _note(self, title: bytes, counter: int) -> None:
        if title == METER:
            assert counter >= 1
            assert (self._ek, counter) not in self._used, f"nonce {counter} comes twice"
            self._used.add((self._ek, counter))

    def seal(self, buffer: Any, start: int, end: int, title: bytes, counter: int) -> int:
        self._note(title, counter)
        return super().seal(buffer, start, end, title, counter)

    def proof(self, title: bytes, counter: int, challenge: bytes) -> bytes:
        self._note(title, counter)
        return super().proof(title, counter, challenge)


def counter_on_wire(data: bytes) -> int | None:
    """The invocation counter that an APDU of the meter shows, None if it is not protected."""
    if data[0] == apdu.AARE:
        data = acse.decode_answer(Reader(data)).info
        return int.from_bytes(data[3:7], "big") if data and data[0] == 0x28 else None
    if data[0] == 0xDB:
        assert data[2:10] == METER
        data = data[9:]
    elif data[0] not in (0xCC, 0xCD, 0xCF):
        return None
    at = 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)
    assert data[at] == 0x30
    return int.from_bytes(data[at + 1 : at + 5], "big")


class Life:
    """A meter that loses its power again and again, and a head-end that keeps its own counters."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.device = Nor(blocks=8, page=self.dice.choice((1, 256)), seed=seed)
        self.used: set[tuple[bytes, int]] = set()
        self.shown: set[tuple[int, int]] = set()
        self.served: set[tuple[int, bytes]] = set()
        self.kept: dict[int, list[bytes]] = {MANAGEMENT: [], READER: []}  # what was served, for replays
        self.now_ms = 0
        self.clients = {MANAGEMENT: head_end(EK, AK), READER: head_end(READ_EK, READ_AK)}
        self.resyncs = self.cuts_in_flash = 0

    def boot(self) -> None:
        """Start the meter with what its flash has kept."""
        flash = Flash(self.device, self.device.page)
        log = Log(flash, 7, SIZE + 4, 2, "slow")
        self.counters = Counters(log, self.dice.randrange, flash.doubt)
        guards = {}
        for sap, (ek, ak) in KEYS.items():
            guards[sap] = ClientGuard(sap, METER, self.counters, self.dice.randrange, lambda *_: None)
            guards[sap].cipher = Noting(ek, ak, self.used)
        self.world = World(rows=20, guards=guards)

    def ask(self, sap: int, connection: Connection, request: bytes) -> bytes:
        """Send a request, and look at what comes back."""
        before = self.world.text
        answer = connection.ask(request)
        counter = counter_on_wire(answer) if answer else None
        if counter is not None:
            assert (sap, counter) not in self.shown, "the wire shows a counter twice"
            self.shown.add((sap, counter))
            assert (sap, bytes(request)) not in self.served, "a request was served twice"
            self.served.add((sap, bytes(request)))
            self.kept[sap].append(bytes(request))
        assert counter is not None or self.world.text == before
        return answer

    def session(self, sap: int) -> None:
        """One association with some requests, and a push of the meter between them."""
        guard, dice = self.clients[sap], self.dice
        connection = Connection(self.world, sap, lambda: self.now_ms)
        client = Client(guard, general=dice.random() < 0.5)

        def do(operation: Any) -> Any:
            answer = None
            while True:
                try:
                    request = operation.send(answer)
                except StopIteration as done:
                    return done.value
                answer = self.ask(sap, connection, request)

        try:
            do(client.open())
        except Refused as refused:
            if refused.counter is None:
                raise
            self.resyncs += 1
            guard.counter = refused.counter - 1
            do(client.open())
        for _ in range(dice.randrange(12)):
            what = dice.randrange(4)
            if what == 0:
                assert do(client.get(IMPORT)) == 123456
            elif what == 1:
                assert len(do(client.get(PROFILE))) == 20
            elif what == 2 and sap == MANAGEMENT:
                do(client.set(TEXT, encode(OCTETS, dice.randbytes(8))))
            elif self.kept[sap]:
                replay = dice.choice(self.kept[sap])
                self.ask(sap, connection, replay)
                if replay[0] == apdu.AARQ:
                    return
            self.push()
        if dice.random() < 0.3:
            do(client.release())

    def push(self) -> None:
        """Seal notifications, as the meter does for the receiver of its pushes."""
        cipher = self.world.server.clients[MANAGEMENT].guard.cipher
        for _ in range(self.dice.randrange(200)):
            cipher.seal(bytearray(32), 0, 20, METER, self.counters.next_tx())

    def until_the_power_goes(self) -> None:
        """Live until a cut: at a flash operation, or after some sessions."""
        dice = self.dice
        in_flash = dice.random() < 0.5
        if in_flash:
            self.device.cut_at = self.device.ops + dice.randrange(8)
            self.device.cut_how = dice.randrange(3)
        try:
            self.boot()
            for _ in range(300 if in_flash else dice.randrange(8)):
                self.session(dice.choice((MANAGEMENT, READER)))
                if self.device.dead:
                    break
        except (OSError, Refused, AccessError, SecurityError, CounterError):
            assert self.device.dead  # the meter refuses when its flash does
        self.cuts_in_flash += self.device.dead
        self.device = self.device.reboot(move=True)


@pytest.mark.parametrize("part", range(10))
def test_no_nonce_comes_twice_and_no_request_is_served_twice(part: int) -> None:
    life = Life(part)
    for _ in range(CUTS // 10):
        life.until_the_power_goes()
    assert life.cuts_in_flash > 20 and life.resyncs > 20
    assert len(life.used) > 2000 and len(life.shown) > 1000
