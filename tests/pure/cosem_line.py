"""A serial line between an HDLC client and server, which a test may disturb."""

from cosem_world import MANAGEMENT, Connection, World
from keiki.wire.cosem.client import Client, run
from keiki.wire.cosem.hdlc import Address
from keiki.wire.cosem.hdlc_client import HdlcClient
from keiki.wire.cosem.hdlc_server import HdlcServer


class Line:
    """`up` and `down` are functions of the bytes that a frame is, and return those that arrive.

    What is sent is kept in `sent`, as (direction, bytes).
    """

    def __init__(self, info_max=128, server_info_max=128, address=None, physical=17, **world):
        self.world = World(guards={MANAGEMENT: None}, **world)
        self.association = Connection(self.world).association
        self.server = HdlcServer(self.association, physical, info_max=server_info_max)
        self.link = HdlcClient(MANAGEMENT, address or Address(1, 17), info_max=info_max)
        self.client = Client()
        self.up = self.down = lambda data: data
        self.sent = []
        self.now_ms = 0

    def carry(self, operation):
        """Carry out an operation of the link."""
        frame = None
        while True:
            try:
                request = operation.send(frame)
            except StopIteration as done:
                return done.value
            if len(request):
                self._deliver(bytes(request))
            frame = self.link.scanner.take()

    def _deliver(self, request):
        self.sent.append(("up", request))
        self.server.feed(self.up(request))
        heard = b""
        while (answer := self.server.answer(self.now_ms)) is not None:
            self.sent.append(("down", bytes(answer)))
            heard += self.down(bytes(answer))
        while self.link.scanner.take() is not None:
            pass
        self.link.scanner.feed(heard)

    def ask(self, request):
        """Send an APDU and return the one that answers it."""
        return self.carry(self.link.ask(request))

    def do(self, operation):
        """Carry out an operation of the COSEM client over the link."""
        return run(operation, self.ask)

    def opened(self):
        """Connect and associate; return self."""
        self.carry(self.link.connect())
        self.do(self.client.open())
        return self
