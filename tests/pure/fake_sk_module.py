"""A scripted module and a world of virtual time for the tests of the coordinator.

Written from the facts of b-route.md alone and on purpose small: no radio, no session rules.
"""

from keiki.wire.sk.coordinator import Coordinator
from keiki.wire.sk.dialect import BP35C2
from keiki.wire.sk.lines import SkError, ll64

MAC = bytes([0x00, 0x1D, 0x12, 0x90, 0x12, 0x34, 0x56, 0x78])
IP = ll64(MAC)
HEMS = "FE80:0000:0000:0000:021D:1290:0003:C890"
OTHER = "FE80:0000:0000:0000:021D:1290:0003:C891"
ROUTE_B_ID = "00112233445566778899AABBCCDDEEFF"
PASSWORD = "0123456789AB"


class FakeModule:
    """Answers at once into `out`; `fail[name] = code`, `mute`, `dead` make it misbehave."""

    def __init__(self, dialect=BP35C2, hex_mode=True, echo=False, session=False):
        self.d = dialect
        self.hex = hex_mode
        self.session = session
        self.fail = {}
        self.mute = set()
        self.dead = False
        self.forgets = False  # the option byte
        self.levels = [(channel, 0x40 if channel != 0x2F else 0x10) for channel in range(0x21, 0x3D)]
        self.pans = [0x8888, 0x0002]
        self.results = []  # parameters of the next EVENT 21s, then 00
        self.ok_first = False
        self.commands = []
        self.sent = []
        self.out = bytearray()
        self.buffer = b""
        self.option_writes = 0
        self.registers = {"S2": "21", "S3": "8888"}  # somebody has set it up before
        self.echo = echo
        self.started = False

    def power_cycle(self, banner=b""):
        """All but the option byte is lost."""
        self.registers = {}
        self.started = self.session = self.echo = False
        self.buffer = b""
        self.out.extend(banner)

    def say(self, line):
        self.out.extend(line)

    def datagram(self, data, sender=HEMS, **how):
        self.out.extend(self.d.erxudp(sender, IP, data, **how))

    def receive(self, data):
        if self.dead:
            return
        self.buffer += data
        while True:
            if self.buffer.startswith(b"SKSENDTO "):
                try:
                    parsed = self.d.parse_sendto(self.buffer)
                except SkError:
                    self.buffer = self.buffer[1:]
                    continue
                if parsed is None or len(self.buffer) < parsed[1] + parsed[0].length:
                    return
                head, size = parsed
                payload = self.buffer[size : size + head.length]
                self.buffer = self.buffer[size + head.length :]
                self.sendto(head, payload)
                continue
            ends = [at for at in (self.buffer.find(b"\r"), self.buffer.find(b"\n")) if at >= 0]
            if not ends:
                return
            line, self.buffer = self.buffer[: min(ends)], self.buffer[min(ends) + 1 :]
            if line:
                self.command(line)

    def reply(self, name, *parts):
        if name in self.mute:
            return
        if name in self.fail:
            parts = [b"FAIL " + self.fail[name] + b"\r\n"]
        for part in parts:
            self.out.extend(part)

    def sendto(self, head, payload):
        self.commands.append(("SKSENDTO", head.ip))
        if "SKSENDTO" not in self.fail and "SKSENDTO" not in self.mute:
            self.sent.append(payload)
        result = self.results.pop(0) if self.results else 0
        event = b"" if result is None else self.d.event(0x21, head.ip, result)
        if result == 2:
            event += self.d.event(0x02, head.ip) + self.d.event(0x21, head.ip, 0)
        parts = (b"OK\r\n", event) if self.ok_first else (event, b"OK\r\n")
        self.reply("SKSENDTO", *parts)

    def command(self, line):
        words = ["".join([chr(byte) for byte in word]) for word in line.split()] or [""]
        name = words[0]
        self.commands.append(tuple(words))
        if self.echo:
            self.out.extend(line + (b"\r" if name in ("ROPT", "WOPT") else b"\r\n"))
        ok = b"OK\r\n"
        key = name + " " + words[1] if name == "SKSREG" else name + words[1] if name == "SKSCAN" else name
        if key in self.fail or key in self.mute:
            self.reply(key)
        elif name == "ROPT":
            self.reply(name, b"OK 0%d\r" % self.hex)
        elif name == "WOPT":
            self.hex = words[1] == "01" and not self.forgets
            self.option_writes += 1
            self.reply(name, b"OK\r")
        elif name == "SKINFO":
            channel = int(self.registers.get("S2", "21"), 16)
            pan = int(self.registers.get("S3", "FFFF"), 16)
            self.reply(name, self.d.einfo(MAC, channel, pan), ok)
        elif name == "SKTERM":
            if self.session:
                self.session = False
                self.reply(name, ok, self.d.event(0x21, HEMS, 0), self.d.event(0x27, HEMS))
            else:
                self.reply(name, b"FAIL ER10\r\n")
        elif name == "SKSCAN":
            self.d_check(words)
            if words[1] == "0":
                self.reply(key, ok, self.d.event(0x1F, IP), self.d.eedscan(self.levels))
            else:
                found = [
                    self.d.event(0x20, IP) + self.d.epandesc(MAC, 0x21, pan, 9, "AAAAAAAA")
                    for pan in self.pans
                ]
                self.reply(key, ok, *found, self.d.event(0x22, IP))
        elif name == "SKSREG":
            self.registers[words[1]] = words[2]
            self.reply(key, ok)
            if words[1] == "SFE":
                self.echo = words[2] == "1"
        elif name in ("SKRESET", "SKSETPWD", "SKSETRBID", "SKSTART"):
            if name == "SKRESET":
                self.power_cycle()
            if name == "SKSTART":
                self.started = True
            self.reply(name, ok)
        else:
            self.reply(name, b"FAIL ER04\r\n")

    def d_check(self, words):
        self.d.check(words[0], len(words) - 1)


class World:
    """A coordinator and a module; `run(ms)` lets virtual time pass. `chunk` bytes arrive at once, 0 = all."""

    def __init__(self, module=None, chunk=0, **settings):
        self.module = module or FakeModule()
        self.now_ms = 1000
        self.chunk = chunk
        self.events = []
        self.written = b""
        settings.setdefault("rand", lambda n: n // 2)
        settings.setdefault("dialect", self.module.d)
        self.c = Coordinator(ROUTE_B_ID, PASSWORD, **settings)

    def settle(self):
        """Carry bytes both ways until nobody has any."""
        idle = 0
        while True:
            data = self.c.to_send()
            if data is not None:
                idle = 0
                self.module.receive(data)
                continue
            out = bytes(self.module.out)
            if not out:
                self.events += self.c.events()
                if self.c.next_ms(self.now_ms) == 0:
                    self.c.tick(self.now_ms)
                    idle += 1
                    if idle > 3:
                        raise AssertionError("busy loop")
                    continue
                return
            self.module.out = bytearray()
            step = self.chunk or len(out)
            for at in range(0, len(out), step):
                self.c.receive(out[at : at + step], self.now_ms)
            self.events += self.c.events()

    def run(self, ms):
        end = self.now_ms + ms
        self.settle()
        while True:
            wait = self.c.next_ms(self.now_ms)
            if self.now_ms + wait > end:
                self.now_ms = end
                return
            self.now_ms += wait
            self.c.tick(self.now_ms)
            self.settle()

    def up(self, limit_ms=600000):
        """Run until the module serves and has proven its settings."""
        end = self.now_ms + limit_ms
        while not self.c.serving:
            assert self.now_ms < end, "not serving"
            self.run(500)
        self.settle()
        return self

    def kinds(self):
        return [event[0] for event in self.events]

    def names(self):
        return [words[0] for words in self.module.commands]

    def take(self):
        events, self.events = self.events, []
        return events

    def hear(self, data):
        """Give the coordinator these bytes now."""
        self.module.say(data)
        self.settle()
