"""Reads every record of every log, over and over and slowly: a start reads too little to see what is lost.

A start sees blocks that are gone. Records that went bad in a block whose header is sound are found here, told
once as an event, and shown in the status until their time is over.
"""

import asyncio

from keiki.wire.compat import const

EVERY_MS = const(60000)
AT_ONCE = const(64)  # 40 ms on an RP2040; 400 days are looked through four times a day
_NOTES_MAX = const(16)


class Patrol:
    """Looks for lost records in the logs of `store`; `tell(what, kind, first, end)` hears of each row.

    `store.flash.lost` gets a note of it too (16 at most, and no more are told until the next start).
    """

    def __init__(self, store, tell) -> None:
        self._store = store
        self._tell = tell

    async def run(self, beat) -> None:
        """Look for ever."""
        while True:
            for _ in self.round():
                beat()
                await asyncio.sleep_ms(EVERY_MS)
            beat()
            await asyncio.sleep_ms(EVERY_MS)

    def round(self):
        """Look through all logs once; yields after every 64 records."""
        looked = 0
        for log in self._store.logs():
            sequence, first = log.oldest, -1
            while True:
                sequence = max(sequence, log.oldest)
                lost = sequence < log.end and log.is_lost(sequence)
                if lost and first < 0:
                    first = sequence
                elif not lost and first >= 0:
                    self._note(log.kind, first, sequence)
                    first = -1
                if sequence >= log.end:
                    break
                sequence += 1
                looked += 1
                if looked % AT_ONCE == 0:
                    yield

    def _note(self, kind: int, first: int, end: int) -> None:
        lost = self._store.flash.lost
        note = ("records", kind, first, end)
        if note not in lost and len(lost) < _NOTES_MAX:
            lost.append(note)
            self._tell(*note)
