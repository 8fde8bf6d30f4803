"""Interface classes with one value: data (1) and register (3).

Document: Blue Book 4.3.1, 4.3.2.
"""

from keiki.wire.cosem.axdr import ENUM, I8, STRUCTURE, Reader, Writer
from keiki.wire.cosem.objects import Object
from keiki.wire.cosem.results import DENIED, TEMPORARY_FAILURE, AccessError

WH, VARH, W, V, A, HZ = 30, 32, 27, 35, 33, 44
"""Units of the Blue Book's table."""


class Data(Object):
    """A value that `write(writer)` writes; `store(reader)` takes a new one, if there is such a function."""

    class_id = 1
    ATTRIBUTES = 2
    READ = {2: "read_value"}
    WRITE = {2: "write_value"}

    def __init__(self, name: bytes, access, write, store=None) -> None:
        super().__init__(name, access)
        self._write = write
        self._store = store

    def read_value(self, writer: Writer, association) -> None:
        """Attribute 2, value."""
        self._write(writer)

    def write_value(self, reader: Reader, association) -> None:
        """Attribute 2, value."""
        if self._store is None:
            raise AccessError(DENIED)
        self._store(reader)


class Register(Object):
    """An integer of type `tag` (axdr.U32 and the like) in units of 10 ** `scaler` `unit`.

    `value()` gives it, None if it is not known: a temporary failure then.
    """

    class_id = 3
    ATTRIBUTES = 3
    METHODS = 1
    READ = {2: "read_value", 3: "read_unit"}

    def __init__(self, name: bytes, access, value, tag: int, scaler: int, unit: int) -> None:
        super().__init__(name, access)
        self._value = value
        self._tag = tag
        self._scaler = scaler
        self._unit = unit

    def read_value(self, writer: Writer, association) -> None:
        """Attribute 2, value."""
        value = self._value()
        if value is None:
            raise AccessError(TEMPORARY_FAILURE)
        writer.number(self._tag, value)

    def read_unit(self, writer: Writer, association) -> None:
        """Attribute 3, scaler_unit."""
        writer.begin(STRUCTURE, 2)
        writer.number(I8, self._scaler)
        writer.number(ENUM, self._unit)
