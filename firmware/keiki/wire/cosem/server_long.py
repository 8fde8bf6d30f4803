"""Values that come in blocks: SET and ACTION longer than one APDU, put together in a buffer of fixed size.

Document: IEC 62056-5-3, block transfer of SET and of ACTION requests.
"""

from keiki.wire.cosem.axdr import Reader
from keiki.wire.cosem.results import BLOCK_NUMBER_INVALID, LONG_SET_ABORTED, AccessError


class Intake:
    """One value on its way; `key` is the service it is for (apdu.SET, apdu.ACTION, 0: none).

    `spare` is where it is put together: a longer value is refused.
    """

    def __init__(self, spare: bytearray) -> None:
        self.service = 0
        self.descriptor = None
        self._spare = spare
        self._size = 0
        self._block = 0

    def start(self, service: int, descriptor: "tuple[int, bytes, int]") -> None:
        """Begin a value, and forget the one before."""
        self.service = service
        self.descriptor = descriptor
        self._size = self._block = 0

    def stop(self) -> None:
        """Forget what has come."""
        self.service = 0
        self.descriptor = None

    def take(self, block: int, last: bool, buffer, start: int, end: int) -> "Reader | None":
        """Take a block; the last one returns a reader of the whole value, and stops.

        AccessError (and stop) if this is not the next block, or if the value is too long; FrameError if what
        has come is not one value.
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
        self.stop()
        reader = Reader(self._spare, 0, size)
        reader.skip()
        reader.finish()
        reader.at = 0
        return reader
