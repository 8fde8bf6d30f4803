"""A whole meter under load on the A-route: 100 days behind it, both routes on, a head-end it pushes to."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keiki.wire.cosem import client as cosem
from keiki.wire.cosem.axdr import U16
from keiki.wire.cosem.security import Cipher
from keiki.wire.cosem.selection import by_entry
from keiki.wire.cosem.values import encode
from keiki.wire.echonet import frame
from keiki_host.device import Device

from tests.conformance.a_route_desk import KEYS, Desk, a_route
from tests.conformance.cosem_peer import MANAGEMENT, READER, Keys, Peer
from tests.conformance.desk import own_address
from tests.host.push_receiver import HeadEnd

IMPORT = (3, bytes((1, 0, 1, 8, 0, 255)), 2)
PROFILE = (7, bytes((1, 0, 99, 1, 0, 255)), 2)
EVENTS = (7, bytes((0, 0, 99, 98, 0, 255)), 2)
OBJECTS = (15, bytes((0, 0, 40, 0, 0, 255)), 2)
WINDOW = (40, bytes((0, 0, 25, 9, 0, 255)), 5)
PUSH = (40, bytes((0, 0, 25, 9, 0, 255)), 1)
SWITCH = bytes((0, 0, 96, 3, 10, 255))
DISCONNECT, RECONNECT = (70, SWITCH, 1), (70, SWITCH, 2)
CONTROLLER, METER = 0x05FF01, 0x028801
DAY = by_entry(4800 - 47)


class Receiver:
    """A head-end on a port of this host; it says nothing while `silent`."""

    def __init__(self) -> None:
        self.head = HeadEnd(Cipher(KEYS["dlms_ek"], KEYS["dlms_ak"]))
        self._server = socket.create_server(("127.0.0.1", 0))
        self.name = "127.0.0.1:%d" % self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            with sock:
                connection = self.head.connection()
                while data := sock.recv(4096):
                    sock.sendall(connection.receive(data))

    def close(self) -> None:
        """End it."""
        self._server.close()


class OneOf(Keys):
    """A guard of one connection; those of the same client count together."""

    def __init__(self, ek: str, ak: str, counters: dict[int, int], sap: int) -> None:
        super().__init__(ek, ak)
        self._counters = counters
        self._sap = sap

    def next_counter(self) -> int:
        self._counters[self._sap] += 1
        return self._counters[self._sap]


class Load:
    """The meter and who talks to it."""

    def __init__(self, desk: Desk, receiver: Receiver) -> None:
        self.desk = desk
        self.receiver = receiver
        self.counters = {sap: desk.counter(sap) for sap in (MANAGEMENT, READER)}
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.settimeout(30)
        # clients of other tests bind 0.0.0.0:3610, which takes this option on both sides
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.udp.bind((own_address(), 3610))
        self.udp.connect((desk.host, 3610))
        self._tid = 0

    def console(self, op: str, **values: Any) -> Any:
        """Ask the meter's console."""
        with Device(self.desk._console) as meter:
            return meter.ask(op, **values)

    def used(self, looks: int = 3) -> int:
        """Heap in use, the least of some looks: a task that runs just now is no leak."""
        return min(self.console("memory")["used"] for _ in range(looks))

    def free(self) -> int:
        """Heap that is free just now."""
        return int(self.console("memory")["free"])

    def peer(self, sap: int = MANAGEMENT) -> Peer:
        """One more connection."""
        return Peer(self.desk.host, self.desk.port, sap)

    def client(self, sap: int = MANAGEMENT) -> cosem.Client:
        """A client that is not associated yet."""
        return cosem.Client(OneOf(*self.desk.keys[sap], self.counters, sap))

    def b_route(self, *epcs: int) -> None:
        """Get properties over the B-route."""
        self._tid = (self._tid + 1) & 0xFFFF
        self.udp.send(frame.encode(self._tid, CONTROLLER, METER, 0x62, [(epc, b"") for epc in epcs]))
        answer = frame.decode(self.udp.recv(2048))
        assert (answer.tid, answer.esv) == (self._tid, 0x72)

    def set_window(self, peer: Peer, client: cosem.Client, seconds: int) -> None:
        """A SET of a setting: all of them are written anew."""
        peer.do(client.set(WINDOW, encode(U16, seconds)))

    def wrong_key(self) -> None:
        """Somebody without keys tries."""
        with self.peer() as peer:
            forger = cosem.Client(Keys("01" * 16, "02" * 16, counter=1 << 20))
            try:
                peer.do(forger.open())
            except cosem.Refused:
                return
            raise AssertionError("let in with wrong keys")


@contextmanager
def load(**settings: Any) -> Iterator[Load]:
    """A running one, pushing without delay. No firmware may have ended by itself or run out of memory."""
    receiver = Receiver()
    try:
        with a_route(history=True) as desk:
            found = Load(desk, receiver)
            found.console("set", values={"push_to": receiver.name, "push_window_s": 0, **settings})
            yield found
            found.udp.close()
            assert not re.search("MemoryError|Traceback", desk.bench.log()), desk.bench.log()
    finally:
        receiver.close()
