"""Answers longer than one APDU: rendered piece by piece into one buffer, never as a whole.

Document: IEC 62056-5-3, block transfer of what GET and ACTION return. A block is cut anywhere in the data.
"""

from keiki.wire.compat import const
from keiki.wire.cosem.axdr import Writer
from keiki.wire.cosem.results import FAULTS, AccessError, code_of

PIECE_MAX = const(320)
"""Longest piece of an answer in bytes: an attribute that is given whole, or one row."""


class Transfer:
    """What is left of a long answer; `block` counts the blocks filled, `running`: something is
    left, `service` is what it answers (apdu.GET or apdu.ACTION).

    `pieces` is an iterator that writes one piece at each step into the writer that `fill` is called with, and
    yields the Rows that follow it, or None. `spare` (PIECE_MAX bytes) keeps what did not fit into a block.
    """

    def __init__(self, spare: bytearray) -> None:
        self.block = 0
        self.service = 0
        self._spare = memoryview(spare)
        self._kept = 0
        self._pieces = iter(())
        self.running = False
        self._rows = None

    def start(self, service: int, pieces) -> None:
        """Begin an answer, and forget the one before."""
        self.stop()
        self.block = 0
        self.service = service
        self._pieces = pieces
        self.running = True

    def go_on(self, service: int, data) -> memoryview:
        """Take what did not fit into the first block of an answer that is whole; return where it lies."""
        self.start(service, iter(()))
        self.block = 1
        self._kept = len(data)
        self._spare[: self._kept] = data
        return self._spare

    def stop(self) -> None:
        """Forget what is left."""
        self.running = False
        self._pieces = iter(())
        self._rows = None
        self._kept = 0

    def fill(self, writer: Writer, until: int) -> bool:
        """Write the next block, up to `until` at most; True if it is the last one: then the transfer stops.

        The writer needs room for a piece beyond `until`. AccessError if the rest cannot be had.
        """
        writer.raw(self._spare[: self._kept])
        self._kept = 0
        try:
            # one byte more than fits shows that this is not the last block
            while writer.at <= until and self._step(writer, until + 1):
                pass
        except FAULTS as fault:
            self.stop()
            raise AccessError(code_of(fault)) from None
        self.block += 1
        over = writer.at - until
        if over <= 0:
            self.stop()
            return True
        self._spare[:over] = memoryview(writer.buffer)[until : writer.at]
        self._kept = over
        writer.at = until
        return False

    def _step(self, writer: Writer, until: int) -> bool:
        """Write some pieces; False if there is none."""
        rows = self._rows
        if rows is not None:
            if rows.fill(writer, until):
                self._rows = None
            return True
        try:
            self._rows = next(self._pieces)
        except StopIteration:
            return False
        return True
