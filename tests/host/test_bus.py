"""The bench's buses: frames in any portions, parts by address, and a socket that outlives firmware."""

import asyncio
import errno
from pathlib import Path

import pytest
from keiki_host.bench.bus import (
    GET_PIN,
    LENGTH_MAX,
    READ,
    SET_PIN,
    TRANSFER,
    WRITE,
    Bus,
    Request,
    Requests,
    encode_answer,
)
from keiki_host.bench.errors import BenchError

REQUESTS = [
    Request(READ, 0x68, 0x00, 16),
    Request(WRITE, 0x68, 0x07, 4, bytes.fromhex("27180931")),
    Request(WRITE, 0x68, 0x00, 0),
    Request(READ, 0x50, 0xFFFF, 0),
    Request(TRANSFER, 3, 0, 5, b"\x00\x01\x02\x03\xff"),
    Request(TRANSFER, 0, 0, 70_000, bytes(range(256)) * 273 + bytes(112)),
]


class Register:
    """A part with 16 registers on I2C, and one on SPI that answers what it got the frame before."""

    def __init__(self) -> None:
        self.bytes = bytearray(range(16))
        self.before = b""
        self.selected: list[int] = []

    def readfrom_mem(self, address: int, register: int, count: int) -> bytes:
        if address == 0x51:
            raise OSError(errno.EIO, "it holds the line down")
        return bytes(self.bytes[register : register + count])

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        self.bytes[register : register + len(data)] = data

    def transfer(self, cs: int, data: bytes) -> bytes:
        self.selected.append(cs)
        answer, self.before = self.before.ljust(len(data), b"\0")[: len(data)], data
        return answer


def bus() -> tuple[Bus, Register]:
    made, part = Bus(), Register()
    made.i2c.update({0x50: part, 0x51: part})
    made.spi.update({0: part, 2: part})
    return made, part


def test_requests_come_out_of_bytes_in_any_portions() -> None:
    stream = b"".join(request.encode() for request in REQUESTS)
    for size in (len(stream), 1, 3, 8, 4096):
        inbox, found = Requests(), []
        for at in range(0, len(stream), size):
            found += inbox.receive(stream[at : at + size])
        assert found == REQUESTS


@pytest.mark.parametrize(
    "head",
    ["00 68 0000 01000000", "08 68 0000 01000000", "47 45 5420 2f000000", "01 68 0000 01001000"],
)
def test_what_is_no_transaction_is_refused(head: str) -> None:
    with pytest.raises(ValueError, match="not a transaction"):
        list(Requests().receive(bytes.fromhex(head)))


def test_the_longest_frame_is_taken() -> None:
    assert [len(r.data) for r in Requests().receive(Request(3, 0, 0, LENGTH_MAX, bytes(LENGTH_MAX)).encode())]


def test_a_part_is_read_and_written_by_its_address() -> None:
    made, part = bus()
    assert made.answer(Request(READ, 0x50, 2, 3)) == encode_answer(0, b"\x02\x03\x04")
    assert made.answer(Request(WRITE, 0x50, 2, 2, b"ab")) == encode_answer(0)
    assert part.bytes[:5] == b"\x00\x01ab\x04"


def test_an_address_without_a_part_is_enodev_and_a_parts_own_error_passes() -> None:
    made, _ = bus()
    for request in (Request(READ, 0x52, 0, 1), Request(WRITE, 0x52, 0, 1, b"x")):
        assert made.answer(request) == encode_answer(errno.ENODEV)
    assert made.answer(Request(READ, 0x51, 0, 1)) == encode_answer(errno.EIO)


def test_a_frame_reaches_the_part_whose_chip_select_is_low() -> None:
    made, part = bus()
    assert made.answer(Request(TRANSFER, 2, 0, 2, b"ab")) == encode_answer(0, b"\0\0")
    assert made.answer(Request(TRANSFER, 0, 0, 3, b"cde")) == encode_answer(0, b"ab\0")
    assert part.selected == [2, 0]


def test_a_line_that_nobody_drives_reads_high() -> None:
    made, part = bus()
    assert made.answer(Request(TRANSFER, 1, 0, 3, b"cde")) == encode_answer(0, b"\xff\xff\xff")
    assert part.selected == []


def test_a_part_that_answers_too_little_is_a_mistake_of_ours() -> None:
    made, _ = bus()
    with pytest.raises(ValueError, match="3 bytes for 4"):
        made.answer(Request(READ, 0x50, 13, 4))


def test_firmware_may_die_in_the_middle_and_come_back() -> None:
    async def scenario() -> None:
        made, _ = bus()
        path = await made.open()
        assert await made.open() == path
        for half in (b"", REQUESTS[4].encode()[:10]):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(Request(WRITE, 0x50, 0, 1, b"!").encode() + half)
            assert await reader.readexactly(8) == encode_answer(0)
            writer.close()
            await writer.wait_closed()
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(Request(READ, 0x50, 0, 2).encode())
        assert await reader.readexactly(10) == encode_answer(0, b"!\x01")
        made.close()
        assert await reader.read() == b""
        writer.close()
        assert not Path(path).parent.exists()

    asyncio.run(scenario())


def test_a_socket_that_cannot_be_made_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ("x" * 100)).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("x" * 100)))
    made = Bus()

    async def scenario() -> None:
        with pytest.raises(BenchError, match=r"^temporary folder: .*path too long"):
            await made.open()
        made.close()

    asyncio.run(scenario())


class Wire:
    """A wire that remembers how it was driven."""

    def __init__(self) -> None:
        self.driven: list[bool] = []

    def read(self) -> bool:
        return bool(self.driven) and self.driven[-1]

    def drive(self, on: bool) -> None:
        self.driven.append(on)


def test_a_wire_is_read_and_driven_by_its_number() -> None:
    made, wire = Bus(), Wire()
    made.pins[3] = wire
    assert made.answer(Request(GET_PIN, 3, 0, 1)) == encode_answer(0, b"\0")
    assert made.answer(Request(SET_PIN, 3, 0, 1, b"\1")) == encode_answer(0)
    assert made.answer(Request(GET_PIN, 3, 0, 1)) == encode_answer(0, b"\1")
    assert made.answer(Request(SET_PIN, 3, 0, 1, b"\0")) == encode_answer(0)
    assert wire.driven == [True, False]


def test_a_wire_that_leads_nowhere_is_off() -> None:
    made, _ = bus()
    assert made.answer(Request(GET_PIN, 9, 0, 1)) == encode_answer(0, b"\0")
    assert made.answer(Request(SET_PIN, 9, 0, 1, b"\1")) == encode_answer(0)
