"""Whether a version that is new is good: it must measure and serve, or the meter goes back."""

import asyncio

from keiki.meter import eventlog, update_record
from keiki.meter.update_record import CONFIRMED, number_of
from keiki.meter.version import VERSION
from keiki.wire.compat import const

LOOK_MS = const(5000)
GOOD_AFTER_MS = const(60000)
"""A version is good that has measured and served for so long, without a part that failed."""
LIMIT_MS = const(600000)
"""One that is not good by then is given up."""


async def watch(meter, files) -> None:
    """Confirm the version that runs, or go back to the one before and start again."""
    start_ms = well_ms = meter.hal.ticks_ms()
    failures = 0
    while True:
        await asyncio.sleep_ms(LOOK_MS)
        now_ms = meter.hal.ticks_ms()
        restarts = sum(meter.supervisor.statistics().values())
        if restarts != failures or not healthy(meter):
            failures, well_ms = restarts, now_ms
        record = update_record.load(files)
        try:
            if now_ms - well_ms >= GOOD_AFTER_MS:
                if not record["good"]:
                    # the record first: a version that says it is good and is not kept would be given up
                    update_record.save(files, dict(record, good=True, tries=0))
                    meter.events.add(eventlog.UPDATE, CONFIRMED, number_of(VERSION), number_of(VERSION))
                elif record["tries"]:
                    update_record.save(files, dict(record, tries=0))
                return
            if now_ms - start_ms >= LIMIT_MS and not record["good"]:
                update_record.save(files, dict(record, tries=update_record.TRIES))
                meter.restart()
        except OSError:
            pass  # the flash refuses: the next look may find it better


def healthy(meter) -> bool:
    """Whether the meter does what it is for."""
    metering = meter.metering
    return not meter.safe and not metering.stale and metering.snapshot is not None
