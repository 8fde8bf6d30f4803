"""`udp://`: a meter that says what no meter says, late, twice, for somebody else, or nothing at all."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from keiki.wire.echonet import frame
from keiki_host.reading.echonet import METER, EchonetReader
from keiki_host.reading.model import ReadError, Reading

from tests.conformance.desk import own_address

VALUES = {
    0x97: bytes((12, 34)),
    0x98: struct.pack(">HBB", 2026, 6, 11),
    0xE7: struct.pack(">i", -1234),
    0xE8: struct.pack(">hh", -123, 0x7FFE),
    0xD3: struct.pack(">I", 3),
    0xE1: b"\x02",
    0xE0: struct.pack(">I", 12345),
    0xE3: struct.pack(">I", 0xFFFFFFFE),
    0x8A: b"\x00\x00\x77",
    0x8D: b"KEIKI0000001",
    0x82: b"\0\0R\0",
    0xE2: struct.pack(">H48I", 1, *range(47), 0xFFFFFFFE),
    0xE4: struct.pack(">H48I", 1, *[0] * 48),
}

Play = Callable[[frame.Frame, dict[int, bytes]], list[bytes]]


def answer(asked: frame.Frame, values: dict[int, bytes], tid: int | None = None) -> bytes:
    """What a meter with these values answers."""
    if asked.esv == frame.SETC:
        esv, props = frame.SET_RES, [(epc, b"") for epc, _ in asked.props]
    else:
        props = [(epc, values.get(epc, b"")) for epc, _ in asked.props]
        esv = frame.GET_RES if all(edt for _, edt in props) else frame.GET_SNA
    return bytes(frame.encode(asked.tid if tid is None else tid, METER, asked.seoj, esv, props))


@contextmanager
def meter(play: Play, values: dict[int, bytes]) -> Iterator[str]:
    """A meter on UDP that answers each request with the frames that `play` gives; yields its URL."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((own_address(), 0))
        sock.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    data, peer = sock.recvfrom(2048)
                except TimeoutError:
                    continue
                for said in play(frame.decode(data), values):
                    sock.sendto(said, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = sock.getsockname()
        try:
            yield f"udp://{host}:{port}?source={own_address()}"
        finally:
            over.set()
            thread.join()


def read(play: Play, timeout_s: float = 3.0, day: int | None = None, **changed: bytes | None) -> Reading:
    """Read such a meter; `changed` are values by EPC ("E1") that differ, None: it does not have them."""
    values = dict(VALUES)
    for name, value in changed.items():
        if value is None:
            del values[int(name, 16)]
        else:
            values[int(name, 16)] = value
    with meter(play, values) as url:
        reader = EchonetReader(url, timeout_s)
        try:
            return reader.read(day)
        finally:
            reader.close()


def once(asked: frame.Frame, values: dict[int, bytes]) -> list[bytes]:
    """One right answer."""
    return [answer(asked, values)]


def test_unit_and_coefficient_scale_every_energy_and_no_data_stays_none() -> None:
    reading = read(once, day=1)
    assert (reading.power_w, reading.serial) == (-1234, "KEIKI0000001")
    assert reading.import_wh_x1000 == 12345 * 3 * 10_000 and reading.export_wh_x1000 is None
    assert [(phase.name, phase.current_a) for phase in reading.phases] == [("R", 12.3)]
    assert reading.identity == {"maker": "000077", "release": "R"}
    rows = reading.half_hours
    assert len(rows) == 48 and rows[0].utc_s == 1_781_017_200
    assert rows[46].import_wh_x1000 == 46 * 30_000 and rows[47].import_wh_x1000 is None


def test_a_meter_without_some_properties_is_read_all_the_same() -> None:
    reading = read(once, day=1, D3=None, E1=None, E8=None, E3=None, E4=None, **{"82": None})
    assert reading.import_wh_x1000 == 12345 * 1_000_000 and reading.phases == ()
    assert reading.export_wh_x1000 is None and reading.half_hours[0].export_wh_x1000 is None


def test_what_is_for_somebody_else_or_no_frame_at_all_is_passed_over() -> None:
    def noisy(asked: frame.Frame, values: dict[int, bytes]) -> list[bytes]:
        wrong = {**values, 0xE7: struct.pack(">i", 99)}
        push = frame.encode(asked.tid, METER + 1, 0x05FF01, frame.INF, [(0xE7, b"\0\0\0\1")])
        good = answer(asked, values)
        late = answer(asked, wrong, tid=(asked.tid - 1) & 0xFFFF)
        return [b"", b"\x10\x81", b"GET / HTTP/1.0\r\n\r\n", bytes(push), late, good, good]

    reading = read(noisy)
    assert reading.power_w == -1234


def test_an_answer_that_is_lost_is_asked_for_again() -> None:
    heard: list[int] = []

    def lossy(asked: frame.Frame, values: dict[int, bytes]) -> list[bytes]:
        heard.append(asked.tid)
        return [] if len(heard) % 2 else [answer(asked, values)]

    assert read(lossy, timeout_s=1.0).power_w == -1234
    assert len(heard) == len(set(heard)) == 4


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"E1": b"\x05"}, "a value that no meter gives (E1: 05)"),
        ({"E0": b"\x01"}, "a value that no meter gives"),
        ({"98": None}, "a value that no meter gives (no date or no time)"),
        ({"98": bytes((7, 234, 2, 30))}, "a value that no meter gives (no such day)"),
        ({"E2": b"\0\1" + bytes(7)}, "a value that no meter gives"),
        ({"E2": struct.pack(">H48I", 2, *[0] * 48)}, "day 1: another controller asks for other days"),
    ],
)
def test_a_value_that_cannot_be_is_one_line(changed: dict[str, bytes | None], said: str) -> None:
    with pytest.raises(ReadError) as failed:
        read(once, day=1, **changed)
    assert said in str(failed.value) and str(failed.value).startswith("udp://")


def test_a_refusal_is_said_with_its_service_code() -> None:
    def refusing(asked: frame.Frame, values: dict[int, bytes]) -> list[bytes]:
        if asked.esv != frame.SETC:
            return once(asked, values)
        return [bytes(frame.encode(asked.tid, METER, asked.seoj, frame.SETC_SNA, asked.props))]

    with pytest.raises(ReadError, match=r"the meter refuses \(ESV 51\)"):
        read(refusing, day=1)
