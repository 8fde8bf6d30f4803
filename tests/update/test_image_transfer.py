"""Class 18 over a meter's updates: what its attributes say at each step, and what is refused."""

import asyncio
from typing import Any

import pytest
from keiki.meter.cosem.image_view import BLOCK, ImageView
from keiki.wire.cosem.axdr import Reader, Writer
from keiki.wire.cosem.objects_device import IMAGE_TRANSFER, ImageTransfer
from keiki.wire.cosem.results import OTHER, TEMPORARY_FAILURE, AccessError

from tests.powerloss.update_world import RESTARTED, Meter, bundle_of, run

WANTED = bundle_of("0.3.0")
BLOCKS = -(-len(WANTED.data) // BLOCK)


class Association:
    """Waits for what an object has begun."""

    def __init__(self) -> None:
        self.settled: Any = None

    def wait_for(self, settled: Any) -> None:
        """As the server's."""
        self.settled = settled

    async def done(self) -> bool:
        """Whether that went well."""
        settled, self.settled = self.settled, None
        return settled is None or bool(await settled())


def view_of(meter: Meter) -> Any:
    meter.updates.current = meter.update
    return ImageView(meter)


def block(number: int, data: bytes = WANTED.data) -> tuple[int, bytes]:
    return number, data[number * BLOCK : (number + 1) * BLOCK]


def test_a_transfer_from_its_beginning_to_the_start_of_the_new_version() -> None:
    async def transfer(meter: Meter) -> None:
        view, association = view_of(meter), Association()
        assert (view.status(), view.first_missing(), view.blocks()) == (0, 0, (0, 0))
        view.initiate((WANTED.id, len(WANTED.data)), association)
        assert (view.status(), view.blocks()) == (1, (0, BLOCKS))
        for number in range(BLOCKS):
            assert view.first_missing() == number
            view.transfer(block(number), association)
            assert await association.done()
            view.transfer(block(number), association)  # an answer that was lost
        assert (view.first_missing(), view.blocks()) == (BLOCKS, ((1 << BLOCKS) - 1, BLOCKS))
        assert view.to_activate() == []
        view.verify(0, association)
        assert view.status() == 2
        assert await association.done()
        assert (view.status(), view.to_activate()) == (3, [(len(WANTED.data), WANTED.id, b"")])
        view.activate(0, association)
        assert view.status() == 5
        await asyncio.sleep(0.01)
        assert meter.events.heard[-1] == RESTARTED

    meter = Meter()
    meter.boot()
    run(transfer(meter))
    assert meter.boot() == "0.3.0"


def test_the_blocks_that_are_there_are_bits_the_first_one_in_front() -> None:
    async def half(meter: Meter) -> None:
        view, association = view_of(meter), Association()
        view.initiate((WANTED.id, len(WANTED.data)), association)
        for number in range(2):
            view.transfer(block(number), association)
            assert await association.done()
        writer = Writer(bytearray(64))
        found = ImageTransfer(b"\x00\x00\x2c\x00\x00\xff", {}, view, IMAGE_TRANSFER)
        found.get(3, None, writer, association)
        assert Reader(writer.buffer).bits(BLOCKS) == 0b11 << BLOCKS - 2

    meter = Meter()
    meter.boot()
    run(half(meter))


def refused(code: int, method: Any, value: Any) -> None:
    with pytest.raises(AccessError) as caught:
        method(value, Association())
    assert caught.value.code == code


def test_what_is_out_of_order_is_refused_and_changes_nothing() -> None:
    async def wrong(meter: Meter) -> None:
        view = view_of(meter)
        refused(TEMPORARY_FAILURE, view.transfer, block(0))
        refused(TEMPORARY_FAILURE, view.verify, 0)
        refused(TEMPORARY_FAILURE, view.activate, 0)
        refused(TEMPORARY_FAILURE, view.initiate, (b"short", 100))
        refused(TEMPORARY_FAILURE, view.initiate, (WANTED.id, 1 << 31))
        view.initiate((WANTED.id, len(WANTED.data)), Association())
        refused(TEMPORARY_FAILURE, view.transfer, block(1))
        refused(OTHER, view.transfer, (0, WANTED.data[: BLOCK + 1]))
        assert (view.status(), view.first_missing()) == (1, 0)

    meter = Meter()
    meter.boot()
    run(wrong(meter))


def test_a_bad_image_is_failed_and_the_next_one_is_taken() -> None:
    async def bad(meter: Meter) -> None:
        view, association = view_of(meter), Association()
        other = bundle_of("0.3.0", board="another")
        view.initiate((other.id, len(other.data)), association)
        view.transfer(block(0, other.data), association)
        view.transfer(block(1, other.data), association)
        assert not await association.done()
        assert view.status() == 4
        view.initiate((WANTED.id, len(WANTED.data)), association)
        assert view.status() == 1

    meter = Meter()
    meter.boot()
    run(bad(meter))
