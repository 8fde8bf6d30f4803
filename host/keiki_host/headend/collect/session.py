"""An association with a meter that is asked, over TCP: one at a time with each meter.

Numbers for sending are reserved on disk before the first APDU; what the meter has counted is kept with what
it said (`received`), or at the end.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Generator, Sequence
from typing import Any, NamedTuple

from keiki.wire.cosem import client as cosem
from keiki.wire.cosem import wrapper
from keiki.wire.cosem.axdr import FrameError
from keiki.wire.cosem.client_services import Refused
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.security import SecurityError
from keiki.wire.cosem.session import CounterError, Guard

from keiki_host.headend import counters
from keiki_host.headend.collect.roster import Meter
from keiki_host.headend.collect.sockets import words
from keiki_host.headend.counters import COUNTER_MAX, Channel
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendError

CONNECT_S = 10.0
ANSWER_S = 20.0
RESERVED = 64
"""Numbers that are there when a session begins, or a long answer of it."""
BLOCK = 512
"""Reserved at once, for some ten sessions."""
JUMP_MAX = 1 << 24
"""How far ahead of ours a meter's idea of our counter may be: nothing protects what it says of it."""
_SERVER = 1
_PDU_MAX = 4096

Descriptor = tuple[int, bytes, int]
_Client: Any = cosem.Client


class Role(NamedTuple):
    """As which client the head-end speaks: its SAP, the names of its keys, its counters."""

    sap: int
    ek: str
    ak: str
    send: Channel
    receive: Channel


MANAGEMENT = Role(1, "ek", "ak", Channel.SEND, Channel.RECEIVE)
READER = Role(2, "read_ek", "read_ak", Channel.SEND_READ, Channel.RECEIVE_READ)


class SessionError(HeadendError):
    """The meter cannot be asked now: one line that names it."""


class SessionGuard(Guard):
    """Our side of an association: see keiki.wire.cosem.session.Guard."""

    def __init__(self, meter: Meter, role: Role, cipher: Any, title: bytes) -> None:
        super().__init__(cipher, title)
        self._numbers = meter.numbers(role.send)
        self._meter = meter
        self._channel = role.receive

    def next_counter(self) -> int:
        """See Guard."""
        return self._numbers.take()

    def accept(self, counter: int) -> bool:
        """See Guard."""
        return self._meter.accept(self._channel, counter)

    def expected(self) -> int:
        """See Guard."""
        return self._meter.received.get(self._channel, 0) + 1

    def challenge(self) -> bytes:
        """See Guard."""
        return os.urandom(16)


class PendingGuard(SessionGuard):
    """Under keys that the meter may have: what it counts under them is another counter."""

    def accept(self, counter: int) -> bool:
        """See Guard."""
        return self._meter.accept_pending(counter)

    def expected(self) -> int:
        """See Guard."""
        return self._meter.pending_received + 1


class Session:
    """An open association. Operations raise AccessError if only they are refused, SessionError otherwise."""

    def __init__(self, meter: Meter, role: Role) -> None:
        self.meter = meter
        self.role = role
        self._name = f"meter {meter.serial}"
        self._client: Any = None
        self._reader: Any = None
        self._writer: Any = None

    @property
    def received(self) -> tuple[Channel, int]:
        """The channel of this session, and the highest counter that was accepted: to be kept with values."""
        return self.role.receive, self.meter.received.get(self.role.receive, 0)

    async def get(self, descriptor: Descriptor, selection: bytes | None = None) -> Any:
        """Read one attribute."""
        return await self.run(self._client.get(descriptor, selection))

    async def get_list(self, wanted: Sequence[Descriptor]) -> list[Any]:
        """Read several attributes; where one is refused its AccessError comes instead."""
        found: list[Any] = await self.run(self._client.get_list([(name, None) for name in wanted]))
        return found

    async def set(self, descriptor: Descriptor, value: bytes) -> None:
        """Write one attribute; `value` is A-XDR."""
        await self.run(self._client.set(descriptor, value))

    async def act(self, descriptor: Descriptor, value: bytes) -> Any:
        """Invoke a method, its parameter in A-XDR."""
        return await self.run(self._client.act(descriptor, value))

    async def run(self, operation: Generator[Any, Any, Any], *, opening: bool = False) -> Any:
        """Carry out an operation of the client.

        `opening`: CounterError says which number the meter expects of us.
        """
        answer: bytes | None = None
        try:
            while True:
                try:
                    request = operation.send(answer)
                except StopIteration as done:
                    return done.value
                async with asyncio.timeout(ANSWER_S):
                    answer = await self._ask(bytes(request))
        except AccessError:
            raise
        except TimeoutError:
            raise SessionError(f"{self._name}: no answer in time") from None
        except (EOFError, ConnectionError):
            raise SessionError(f"{self._name}: it has closed the connection") from None
        except Refused as refused:
            if opening and refused.counter is not None:
                raise CounterError(refused.counter) from None
            raise SessionError(f"{self._name}: it refuses ({refused})") from None
        except CounterError:
            raise SessionError(f"{self._name}: a counter that was used before") from None
        except (SecurityError, FrameError) as error:
            raise SessionError(f"{self._name}: not protected as it must be ({error})") from None
        except OSError as error:
            raise SessionError(f"{self._name}: {words(error)}") from None

    async def open(self, guard: Guard) -> None:
        """Connect and associate. CounterError: the meter says that it has seen higher numbers of ours."""
        host, port = _host(self.meter)
        try:
            async with asyncio.timeout(CONNECT_S):
                self._reader, self._writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            raise SessionError(f"{self._name}: {host}:{port}: no answer in time") from None
        except OSError as error:
            raise SessionError(f"{self._name}: {host}:{port}: {words(error)}") from None
        self._client = _Client(guard, pdu_max=_PDU_MAX)
        await self.run(self._client.open(), opening=True)

    async def close(self) -> None:
        """Release it, if the meter still listens, and close the connection."""
        if self._writer is None:
            return
        try:
            if self._client is not None and self._client.session is not None:
                with contextlib.suppress(SessionError, AccessError, CounterError):
                    await self.run(self._client.release())
        finally:  # this task may be cancelled while it waits
            self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _ask(self, request: bytes) -> bytes:
        self._writer.write(wrapper.encode(self.role.sap, _SERVER, request))
        await self._writer.drain()
        head = await self._reader.readexactly(wrapper.HEAD)
        version, source, destination, size = (int.from_bytes(head[at : at + 2], "big") for at in (0, 2, 4, 6))
        if version != 1 or (source, destination) != (_SERVER, self.role.sap):
            raise FrameError("another association")
        data: bytes = await self._reader.readexactly(size)
        return data


class Sessions:
    """Opens sessions for a store's head-end, whose system title is `title`."""

    def __init__(self, store: Store, title: bytes) -> None:
        self._store = store
        self._title = title

    @contextlib.asynccontextmanager
    async def open(self, meter: Meter, role: Role = MANAGEMENT) -> AsyncIterator[Session]:
        """A session, when the meter has no other one. SessionError: it cannot be had."""
        cipher = meter.cipher(role.ek, role.ak)
        if cipher is None:
            raise SessionError(f"meter {meter.serial}: no keys of it are known")
        async with meter.lock:
            session = await self._opened(meter, role, SessionGuard(meter, role, cipher, self._title))
            try:
                yield session
            finally:
                await session.close()
                await asyncio.to_thread(self._keep, meter, role)

    @contextlib.asynccontextmanager
    async def open_pending(self, meter: Meter) -> AsyncIterator[Session]:
        """A session of the management under the pending keys. SessionError: the meter does not have them."""
        cipher = meter.pending_cipher()
        if cipher is None:
            raise SessionError(f"meter {meter.serial}: no keys are pending")
        async with meter.lock:
            guard = PendingGuard(meter, MANAGEMENT, cipher, self._title)
            session = await self._opened(meter, MANAGEMENT, guard)
            try:
                yield session
            finally:
                await session.close()

    async def reserve(self, meter: Meter, channel: Channel, count: int = RESERVED) -> None:
        """See to it that so many numbers may be used. SessionError: the key is used up."""
        numbers = meter.numbers(channel)
        end = numbers.wanted(count, BLOCK)
        if end is None:
            return
        if end >= COUNTER_MAX:
            raise SessionError(f"meter {meter.serial}: its key is used up, it needs a new one")
        await asyncio.to_thread(self._raise, meter.meter_id, channel, end)
        numbers.reserved(end)

    async def _opened(self, meter: Meter, role: Role, guard: SessionGuard) -> Session:
        """Open, once more behind the numbers that the meter has seen if it says so."""
        for again in (True, False):
            await self.reserve(meter, role.send)
            session = Session(meter, role)
            try:
                await session.open(guard)
                return session
            except CounterError as error:
                await session.close()
                ahead = error.expected - meter.numbers(role.send).next
                if not again or not 0 <= ahead <= JUMP_MAX:
                    raise SessionError(
                        f"meter {meter.serial}: it takes no counter below {error.expected}"
                    ) from None
                meter.numbers(role.send).jump(error.expected - 1)
            except BaseException:
                await session.close()
                raise
        raise AssertionError

    def _raise(self, meter_id: int, channel: Channel, end: int) -> None:
        with self._store.write() as connection:
            counters.raise_to(connection, {(meter_id, channel): end})

    def _keep(self, meter: Meter, role: Role) -> None:
        with contextlib.suppress(HeadendError):  # the next session does it
            self._raise(meter.meter_id, role.receive, meter.received.get(role.receive, 0))


def _host(meter: Meter) -> tuple[str, int]:
    host, _, port = (meter.address or "").rpartition(":")
    if not host or not port.isdigit():
        raise SessionError(f"meter {meter.serial}: no address of it is known")
    return host.removeprefix("[").removesuffix("]"), int(port)
