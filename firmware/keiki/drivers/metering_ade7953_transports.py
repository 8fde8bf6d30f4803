"""The ways to an ADE7953: SPI and UART, behind one interface.

Document: Analog Devices ADE7953 datasheet Rev. C, "SPI interface", "UART interface".

`await read(register)`          what the register holds, unsigned; None: no answer
`await confirmed(register)`     the same, and the chip says that it was this value of this register; else None
`await write(register, value)`  nothing tells whether it arrived: read it
`await settle()`                let the line come to rest after an answer that was wrong
`await wait_ms(ms)`             let time pass
"""

import asyncio

from keiki.wire.compat import const

_SPI_READ = const(0x80)
_SPI_HEAD = const(3)
_UART_READ = const(0x35)
_UART_WRITE = const(0xCA)
_UART_GAP_MS = const(7)  # 6 ms of silence end a packet, and time is counted in whole ms
_UART_REPLY_MS = const(60)  # request and answer take 18 ms
_DRAINS = const(20)
_LAST_ADD = const(0x1FE)
_LAST_RWDATA = const(0x0FF)  # + 100h for each byte more
_ATTEMPTS = const(3)


def width(register: int) -> int:
    """Return the bytes of a register: pages 0, 7 and 8 have 1, pages 1, 2 and 3 have 2, 3 and 4."""
    page = register >> 8
    return page + 1 if page < 4 else 1


def _echo_of(register: int) -> int:
    """Return the LAST_RWDATA that is as wide as a register."""
    return _LAST_RWDATA + (width(register) - 1 << 8)


class Spi:
    """`spi.transfer(tx, rx)` does one frame with chip select low throughout; modes 0 and 3, 5 MHz at most.

    Chip select must stay low for 1.2 us after the last clock.
    """

    def __init__(self, spi) -> None:
        self._spi = spi
        # one pair of buffers for each width: a frame is sent whole
        self._tx = [bytearray(_SPI_HEAD + n) for n in range(1, 5)]
        self._rx = [bytearray(_SPI_HEAD + n) for n in range(1, 5)]

    async def read(self, register: int) -> "int | None":
        """Read; a line on which nobody is says all ones or zeros."""
        return self._frame(register, _SPI_READ, 0)

    async def confirmed(self, register: int) -> "int | None":
        """Read, and ask what was read and where."""
        # why not by `read`: a coroutine for each frame would be 100 bytes of heap
        value = self._frame(register, _SPI_READ, 0)
        if self._frame(_echo_of(register), _SPI_READ, 0) != value:
            return None
        return value if self._frame(_LAST_ADD, _SPI_READ, 0) == register else None

    async def write(self, register: int, value: int) -> None:
        """Write."""
        self._frame(register, 0, value)

    async def settle(self) -> None:
        """Nothing to do: chip select ends every frame."""

    async def wait_ms(self, ms: int) -> None:
        """Wait."""
        await asyncio.sleep_ms(ms)

    def _frame(self, register: int, operation: int, value: int) -> int:
        count = width(register)
        tx, rx = self._tx[count - 1], self._rx[count - 1]
        tx[0], tx[1], tx[2] = register >> 8, register & 0xFF, operation
        for index in range(count):
            tx[_SPI_HEAD + index] = value >> 8 * (count - 1 - index) & 0xFF
        self._spi.transfer(tx, rx)
        said = 0
        for index in range(count):
            said = said << 8 | rx[_SPI_HEAD + index]
        return said


class Uart:
    """asyncio streams at 4800 baud whose reads return what has come.

    Two stop bits: the chip wants 0.2 ms between the bytes that it gets. Its answers have one.
    """

    def __init__(self, reader, writer) -> None:
        self._reader = reader
        self._writer = writer
        self._request = bytearray(3)
        self._answer = bytearray(4)
        self._view = memoryview(self._answer)

    async def read(self, register: int) -> "int | None":
        """Read; None if less comes than the register has bytes, within 60 ms."""
        return await self._within(self._ask(register), _UART_REPLY_MS)

    async def confirmed(self, register: int) -> "int | None":
        """Read, and ask what was read and where; 180 ms for all three."""
        return await self._within(self._ask_thrice(register), 3 * _UART_REPLY_MS)

    async def _within(self, asking, ms: int) -> "int | None":
        try:
            return await asyncio.wait_for_ms(asking, ms)
        except (asyncio.TimeoutError, OSError):
            return None

    async def _ask_thrice(self, register: int) -> "int | None":
        value = await self._ask(register)
        if await self._ask(_echo_of(register)) != value:
            return None
        return value if await self._ask(_LAST_ADD) == register else None

    async def _ask(self, register: int) -> int:
        request, answer = self._request, self._answer
        request[0], request[1], request[2] = _UART_READ, register >> 8, register & 0xFF
        await self._send(request)
        count, length = width(register), 0
        while length < count:
            got = await self._reader.readinto(self._view[length:count])
            if not got:
                await asyncio.sleep_ms(_UART_GAP_MS)  # a line that is hung up is readable and empty
            length += got or 0
        value = 0
        while length:
            length -= 1
            value = value << 8 | answer[length]
        return value

    async def write(self, register: int, value: int) -> None:
        """Write."""
        head = bytes((_UART_WRITE, register >> 8, register & 0xFF))
        try:
            await self._send(head + value.to_bytes(width(register), "little"))
        except OSError:
            pass  # nobody has heard it

    async def settle(self) -> None:
        """Throw away what comes until the line is quiet, or for a while."""
        for _ in range(_DRAINS):
            try:
                await asyncio.wait_for_ms(self._reader.readinto(self._view), _UART_GAP_MS)
            except (asyncio.TimeoutError, OSError):
                return

    async def wait_ms(self, ms: int) -> None:
        """Wait."""
        await asyncio.sleep_ms(ms)

    async def _send(self, packet) -> None:
        await asyncio.sleep_ms(_UART_GAP_MS)
        self._writer.write(packet)
        await self._writer.drain()


class Link:
    """Accesses that are right: after each the chip is asked what it has read or written, and where.

    It says so in LAST_RWDATA and LAST_ADD, which do not count as accesses themselves. That finds a garbled
    answer, a request that the chip has understood as another, one that it has not heard, and a dead line.
    `stats["missed"]` counts the attempts that were in vain.
    """

    def __init__(self, transport, stats: "dict[str, int]") -> None:
        self._transport = transport
        self._stats = stats
        self._last = None

    async def read(self, register: int) -> "int | None":
        """Return what the register holds, unsigned, or None. Reading once more must do no harm."""
        transport = self._transport
        self._last = None
        for _ in range(_ATTEMPTS):
            value = await transport.confirmed(register)
            if value is not None:
                self._last = register
                return value
            self._stats["missed"] += 1
            await transport.settle()
        return None

    async def write(self, register: int, value: int) -> bool:
        """Write; False if it did not arrive, or went to another register than this. Read what it holds."""
        before, self._last = self._last, None
        for _ in range(_ATTEMPTS):
            await self._transport.write(register, value)
            last = await self.where()
            if last == register:
                self._last = register
                return True
            self._stats["missed"] += 1
            if last is None or last != before:
                return False
        return False

    async def where(self) -> "int | None":
        """Return where the last access went, what the chip says twice in a row; 0 after a reset."""
        before = None
        for _ in range(_ATTEMPTS + 1):
            last = await self._transport.read(_LAST_ADD)
            if last is not None and last == before:
                return last
            if before is not None or last is None:
                await self._transport.settle()
            before = last
        return None

    async def send(self, register: int, value: int) -> None:
        """Write, and ask nothing."""
        self._last = None
        await self._transport.write(register, value)

    async def wait_ms(self, ms: int) -> None:
        """Wait."""
        await self._transport.wait_ms(ms)
