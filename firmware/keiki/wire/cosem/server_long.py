"""Values that come in blocks: SET and ACTION longer than one APDU, put together in a buffer of fixed size.

Document: IEC 62056-5-3, block transfer of SET and of ACTION requests.
"""

from keiki.wire.cosem.apdu import read_count
from keiki.wire.cosem.axdr import FrameError, Reader
from keiki.wire.cosem.results import BLOCK_NUMBER_INVALID, LONG_SET_ABORTED, AccessError


class Intake:
    """One value on its way; `service` is what it is for (apdu.SET, apdu.ACTION, 0: none).

    `descriptor` names what the value is for; or `wanted` is a list as in the APDU (its count, and what each
    of as many values is for), else None. `spare` is where values are put together: longer ones are refused.
    """

    def __init__(self, spare: bytearray) -> None:
        self.service = 0
        self.descriptor = None
        self.wanted = None
        self._spare = spare
        self._size = 0
        self._block = 0

    def start(self, service: int, descriptor, wanted: "bytes | None" = None) -> None:
        """Begin a value, or a list of them, and forget the one before."""
        self.service = service
        self.descriptor = descriptor
        self.wanted = wanted
        self._size = self._block = 0

    def stop(self) -> None:
        """Forget what has come."""
        self.service = 0
        self.descriptor = self.wanted = None

    def take(self, block: int, last: bool, buffer, start: int, end: int) -> "Reader | None":
        """Take a block; the last one returns a reader of the whole value, and stops.

        AccessError (and stop) if this is not the next block, or if the value is too long; FrameError if what
        has come is not one value, or not a list of as many as are wanted.
        """
        size = self._size + end - start
        if block != self._block + 1 or size > len(self._spare):
            code = BLOCK_NUMBER_INVALID if block != self._block + 1 else LONG_SET_ABORTED
            self.stop()
            raise AccessError(code)
        self._spare[self._size : size] = memoryview(buffer)[start:end]
        self._size = size
        self._block = block
        if not last:
            return None
        wanted = self.wanted
        self.stop()
        reader = Reader(self._spare, 0, size)
        values = 1
        if wanted is not None:
            values = read_count(reader)
            if values != Reader(wanted).length():
                raise FrameError("count")
        for _ in range(values):
            reader.skip()
        reader.finish()
        reader.at = 0
        return reader
