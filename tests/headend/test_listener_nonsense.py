"""A meter that has its keys and says nonsense: it is counted, and nobody else is harmed."""

import asyncio
import struct
from pathlib import Path

from keiki.wire.cosem import datetime12
from keiki.wire.cosem.axdr import ARRAY, I64, OCTETS, STRUCTURE, U8, U32
from keiki.wire.cosem.values import encode
from keiki_host.headend import observations
from keiki_host.headend.database import Store

from tests.headend.collector_world import World, until
from tests.headend.fleet_of_few import DAY, SLOT

VALUES, ALARM = b"\0\0\x19\x09\0\xff", b"\0\1\x19\x09\0\xff"
_SHAPE = (STRUCTURE, OCTETS, OCTETS, U8, U32, U32)
BODIES = [
    encode(
        _SHAPE,
        (VALUES, struct.pack(">HBBBBBBBhB", 9999, 12, 31, 5, 23, 30, 0, 0, -540, 0), 255, 2**32 - 1, 1),
    ),
    encode(_SHAPE, (VALUES, struct.pack(">HBBBBBBBhB", 1970, 1, 1, 5, 9, 0, 0, 0, 0, 0), 0, 0, 0)),
    encode(_SHAPE, (VALUES, bytes(12), 0, 1, 1)),
    encode(_SHAPE, (VALUES, b"", 0, 1, 1)),
    encode(_SHAPE, (b"\0\\9\x19\x09\0\xff", datetime12.pack(DAY), 0, 1, 1)),
    encode((STRUCTURE, OCTETS, OCTETS, U32), (ALARM, datetime12.pack(DAY), 2**32 - 1)),
    encode((STRUCTURE, OCTETS, OCTETS, U32), (ALARM, datetime12.UNSPECIFIED, 1)),
    encode((STRUCTURE, OCTETS, OCTETS, OCTETS), (ALARM, datetime12.pack(DAY), b"all")),
    encode((STRUCTURE, OCTETS, OCTETS, I64), (ALARM, datetime12.pack(DAY), -1)),
    encode((STRUCTURE, OCTETS, OCTETS, I64, I64, I64), (VALUES, datetime12.pack(DAY), 0, 2**62, -1)),
    encode((ARRAY, U8), [1] * 500),
    encode(U8, 1),
    b"\x02\x00",
    b"\x02\x01" * 300 + b"\x00",
    b"\x02\xff",
    b"",
]


def test_a_meter_that_says_what_no_meter_says_harms_nobody(store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(store, tmp_path)

        def heard() -> int:
            return sum(world.stats[name] for name in ("broken", "pushes", "alarms"))

        async with world.running(), world.meter(0) as mad, world.meter(1) as honest:
            for n, body in enumerate(BODIES):
                number = n.to_bytes(4, "big")
                for plain in (b"\x0f" + number + b"\0" + body, b"\x10" + number + body, body):
                    before = heard()
                    await mad.connect(world.port)
                    await mad.send(mad.anything(plain))
                    await until(lambda before=before: heard() > before, "it is heard")
                assert await honest.deliver(honest.values(n, DAY - n * SLOT, 1000 - n))
        assert world.stats["replayed"] == world.stats["forged"] == 0
        with store.read() as connection:
            query = "SELECT meter_id, count(*) FROM reading GROUP BY 1"
            assert connection.exec_driver_sql(query).all() == [(world.meters[1], len(BODIES))]
        assert (world.stats["impossible"], world.stats["refused"], world.stats["alarms"]) == (0, 2, 1)
        (event,) = observations.events(store, world.meters[0])
        assert (event.log, event.code) == (observations.ALARM, 2**31 - 1)

    asyncio.run(scenario())
