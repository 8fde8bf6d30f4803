"""A small meter for tests of the COSEM server and client: objects of every kind, and a connection to it."""

from keiki.wire.cosem import objects_device
from keiki.wire.cosem.axdr import OCTETS, STRUCTURE, U8, U32
from keiki.wire.cosem.client import run
from keiki.wire.cosem.datetime12 import pack_into
from keiki.wire.cosem.objects import Objects, mask
from keiki.wire.cosem.objects_association import AssociationLn, SapAssignment
from keiki.wire.cosem.objects_basic import WH, Data, Register
from keiki.wire.cosem.objects_fields import FieldObject
from keiki.wire.cosem.objects_profile import CLOCK_COLUMN, Choices, ProfileGeneric, Source
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.server import CURRENT, Association, Client, Server

PUBLIC = 16
MANAGEMENT = 1
READER = 2
START_S = 1_767_193_200  # 2026-01-01 00:00 in Japan
PERIOD_S = 1800

COUNTER = (1, b"\x00\x00\x2b\x01\x00\xff", 2)
TEXT = (1, b"\x00\x00\x60\x01\x00\xff", 2)
BROKEN = (1, b"\x00\x00\x60\x01\x09\xff", 2)
IMPORT = (3, b"\x01\x00\x01\x08\x00\xff", 2)
PROFILE = (7, b"\x01\x00\x63\x01\x00\xff", 2)
ASSOCIATION = (15, CURRENT, 2)
SAPS = (17, b"\x00\x00\x29\x00\x00\xff", 2)
SECURITY = (64, b"\x00\x00\x2b\x00\x00\xff", 2)
SWITCH = (70, b"\x00\x00\x60\x03\x0a\xff", 3)
LIMITER = (71, b"\x00\x00\x11\x00\x00\xff", 3)

COLUMNS = [CLOCK_COLUMN, (1, b"\x00\x00\x60\x0a\x01\xff", 2, 0), (3, IMPORT[1], 2, 0)]


def member(descriptor, number):
    """Return the descriptor of another attribute or method of the same object."""
    return descriptor[0], descriptor[1], number


class Slots(Source):
    """Rows every half hour from START_S on, those in `holes` not readable. `asked` counts the questions."""

    def __init__(self, count, first=0, holes=()):
        self.first = first
        self.end = first + count
        self.holes = holes
        self.asked = 0

    def count(self, first, end):
        return end - first - len([hole for hole in self.holes if first <= hole < end])

    def time_s(self, number):
        self.asked += 1
        return -1 if number in self.holes or number < self.first else START_S + PERIOD_S * number

    def write(self, number, writer, columns, implied_s):
        time_s = -1 if number in self.holes or number < self.first else START_S + PERIOD_S * number
        if time_s < 0:
            return -1
        columns = (0, 1, 2) if columns is None else columns
        writer.begin(STRUCTURE, len(columns))
        for column in columns:
            if column == 0 and time_s == implied_s:
                writer.null()
            elif column == 0:
                writer.raw(b"\x09\x0c")
                pack_into(writer.buffer, writer.room(12), time_s)
            elif column == 1:
                writer.number(U8, number & 0xFF)
            else:
                writer.number(U32, number * 10)
        return time_s


class View:
    """What is behind the switch, the limiter and the security setup; `log` is what was done to it."""

    output_state = 1
    control_state = 1
    control_mode = 4
    monitored = (3, IMPORT[1], 2)
    threshold_active = threshold_emergency = 600
    threshold_normal = 600
    over_s = 5
    under_s = 10
    emergency = (0, bytes(12), 0)
    emergency_groups = ()
    emergency_active = 0
    actions = ((SWITCH[1], 1), (SWITCH[1], 2))
    policy = 3
    suite = 0
    client_title = b""
    server_title = b"KEI\0\0\0\0\1"

    def __init__(self):
        self.log = []

    def disconnect(self, value, association):
        self.log.append(("disconnect", value, association.client.name))

    def reconnect(self, value, association):
        raise OSError(5)

    def set_control_mode(self, value, association):
        if value > 6:
            raise ValueError("no such mode")
        self.log.append(("mode", value, association.client.name))

    def set_threshold_normal(self, value, association):
        self.threshold_normal = value

    def transfer_keys(self, value, association):
        self.log.append(("keys", value, association.client.name))


class World:
    """A server over these objects, with `rows` half hours; `log` is what was done to it."""

    def __init__(self, rows=100, holes=(), guards=None, **server):
        self.view = view = View()
        self.text = b"keiki"
        self.slots = Slots(rows, holes=holes)
        full = {READER: (mask(1, 2, 3), 0, 0), MANAGEMENT: (mask(1, 2, 3), mask(2), 0)}
        readable = mask(*range(1, 12))
        ours = {MANAGEMENT: (readable, mask(3, 4, 9), mask(1, 2)), READER: (readable, 0, 0)}
        everybody = {sap: (readable, 0, mask(1)) for sap in (PUBLIC, MANAGEMENT, READER)}
        self.choices = Choices()
        self.profile = ProfileGeneric(
            PROFILE[1], ours, self.slots, COLUMNS, period_s=PERIOD_S, entries=4800, choices=self.choices
        )
        self.objects = [
            Data(COUNTER[1], {PUBLIC: (mask(1, 2), 0, 0)}, lambda writer: writer.number(U32, 77)),
            Data(TEXT[1], full, self._write_text, self._store_text),
            Data(BROKEN[1], full, self._fail),
            Register(IMPORT[1], {sap: (mask(1, 2, 3), 0, 0) for sap in full}, lambda: 123456, U32, 0, WH),
            self.profile,
            AssociationLn(CURRENT, everybody, SECURITY[1]),
            SapAssignment(SAPS[1], everybody, lambda: b"KEI0000000000001"),
            FieldObject(SECURITY[1], ours, view, objects_device.SECURITY_SETUP),
            FieldObject(SWITCH[1], ours, view, objects_device.DISCONNECT),
            FieldObject(LIMITER[1], ours, view, objects_device.LIMITER),
        ]
        clients = [Client(PUBLIC, "public")]
        for sap, guard in (guards or {}).items():
            clients.append(Client(sap, "management" if sap == MANAGEMENT else "reader", guard))
        self.server = Server(Objects(self.objects), clients, **server)

    def _write_text(self, writer):
        writer.string(OCTETS, self.text)

    def _store_text(self, reader):
        self.text = reader.string()

    def _fail(self, writer):
        raise AccessError(11)


class Connection:
    """One connection to a world's server; `sent` counts the APDUs that the client sends.

    `now_ms()` is the time that the server is told.
    """

    def __init__(self, world, sap=PUBLIC, now_ms=lambda: 0):
        self.now_ms = now_ms
        self.association = Association(world.server)
        self.sap = sap
        self.sent = 0
        self.longest = 0

    def ask(self, request):
        """Send an APDU, as bytes or as hex, and return the answer, b"" if there is none."""
        if isinstance(request, str):
            request = bytes.fromhex(request.replace(" ", ""))
        self.sent += 1
        buffer = bytearray(request)
        answer = self.association.receive(buffer, 0, len(buffer), self.sap, 1, self.now_ms())
        if answer is None:
            return b""
        start, end = answer
        assert 14 <= start <= end <= len(self.association.answer)
        self.longest = max(self.longest, end - start)
        return bytes(self.association.answer[start:end])

    def do(self, operation):
        """Carry out an operation of a client and return its result."""
        return run(operation, self.ask)
