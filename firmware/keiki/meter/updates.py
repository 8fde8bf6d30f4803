"""The door to updates: a little that is always there, and the rest when somebody updates."""

from keiki.meter import eventlog, update_record
from keiki.meter.supervisor import COMMANDED
from keiki.meter.version import VERSION


class Updates:
    """Slots in `files` (None: this board has none) of board `name`; `micropython` is its version as a tuple.

    `current` is the update.Update under way, None: nobody has updated since the start.
    `returned`: the selector has given up a version, and this start is that of the one before.
    """

    def __init__(self, files, name: str, micropython: tuple) -> None:
        self.files = files
        self._about = name, micropython
        self._record = update_record.load(files)
        self.returned = bool(self._record["failed"])
        self.current = None

    def cause(self, cause: int) -> int:
        """Return why this start is made: a version that was given up has crashed, not the one before it."""
        return COMMANDED if self.returned else cause

    def tell(self, events) -> None:
        """Log that a version was given up, once."""
        if self.returned:
            events.add(eventlog.UPDATE, update_record.RETURNED, after=update_record.number_of(VERSION))
            try:
                update_record.save(self.files, dict(self._record, failed=""))
            except OSError:
                pass  # it is told once more at the next start

    async def trial(self, meter) -> None:
        """Find out whether the version that runs is good, if that is not known."""
        if not self._record["good"] or self._record["tries"]:
            from keiki.meter import update_trial

            await update_trial.watch(meter, self.files)

    def open(self, meter):
        """Return the update.Update under way, or a new one; None: this board has no slots."""
        if self.current is None and self.files is not None:
            from keiki.meter.update import Update

            self.current = Update(meter, self.files, *self._about)
        return self.current
