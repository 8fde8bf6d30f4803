"""COSEM objects: what a server serves, each over whatever gives its values.

Document: Blue Book, interface classes of clause 4. A refusal is an AccessError with the code of the standard.
"""

from keiki.wire.cosem.axdr import OCTETS, Reader, Writer
from keiki.wire.cosem.results import DENIED, SCOPE_VIOLATED, AccessError


def mask(*members: int) -> int:
    """Return the set of some attributes or methods: bit n is number n."""
    bits = 0
    for member in members:
        bits |= 1 << member
    return bits


class Rows:
    """What is left of an attribute that may be long: pieces that are written one after the other.

    `fill` writes pieces until the writer stands at `until` or beyond, and tells whether none is left. A
    piece is never longer than the room that a server keeps for one (server_blocks.PIECE_MAX). A row that is
    gone raises AccessError: the transfer is aborted then.
    """

    def fill(self, writer: Writer, until: int) -> bool:
        """Write the next pieces."""
        raise NotImplementedError


class ArrayRows(Rows):
    """The rows of an array that `write(writer, row)` writes one at a time; `rows` is any iterator."""

    def __init__(self, rows, write) -> None:
        self._rows = iter(rows)
        self._write = write

    def fill(self, writer: Writer, until: int) -> bool:
        """Write the next rows."""
        while writer.at < until:
            try:
                row = next(self._rows)
            except StopIteration:
                return True
            self._write(writer, row)
        return False


class Object:
    """A COSEM object named `name` (6 bytes).

    `access` says who may do what: {client SAP: (attributes to read, attributes to write, methods)}, each a
    `mask`. Who is not named there may do nothing, and does not see the object.
    A class has READ {attribute: name}, WRITE {attribute: name} and ACT {method: name} of its methods. READ
    methods are called with (writer, association) and write one value, or its beginning: then they return the
    Rows that follow. WRITE methods get (reader, association). ACT methods get (reader or None, writer,
    association) and return True if they wrote what the action returns. An attribute in SELECTIVE gets the
    selection (a Reader or None) as a third argument.
    """

    class_id = 0
    version = 0
    READ: "dict[int, str]" = {}
    WRITE: "dict[int, str]" = {}
    ACT: "dict[int, str]" = {}
    SELECTIVE = ()
    ATTRIBUTES = 1
    METHODS = 0

    def __init__(self, name: bytes, access: "dict[int, tuple[int, int, int]]") -> None:
        self.name = name
        self.access = access

    def counts(self) -> "tuple[int, int]":
        """Return how many attributes and methods the class has."""
        return self.ATTRIBUTES, self.METHODS

    def get(self, attribute: int, selection: "Reader | None", writer: Writer, association) -> "Rows | None":
        """Write an attribute, or the beginning of it: then the Rows that follow are returned.

        `selection` stands at the selector of a selective access.
        """
        if selection is not None and attribute not in self.SELECTIVE:
            raise AccessError(SCOPE_VIOLATED)
        if attribute == 1:
            writer.string(OCTETS, self.name)
            return None
        if attribute not in self.READ:
            raise AccessError(DENIED)
        read = getattr(self, self.READ[attribute])
        return (
            read(writer, association, selection) if attribute in self.SELECTIVE else read(writer, association)
        )

    def set(self, attribute: int, reader: Reader, association) -> None:
        """Take a new value for an attribute; `reader` holds it to its end."""
        if attribute not in self.WRITE:
            raise AccessError(DENIED)
        getattr(self, self.WRITE[attribute])(reader, association)

    def act(self, method: int, reader: "Reader | None", writer: Writer, association) -> bool:
        """Carry out a method; True if something that is to be returned has been written."""
        if method not in self.ACT:
            raise AccessError(DENIED)
        return bool(getattr(self, self.ACT[method])(reader, writer, association))


class Objects:
    """The objects of a logical device; what makes them when they are asked for has the same methods."""

    def __init__(self, objects) -> None:
        self._objects = {found.name: found for found in objects}

    def get(self, name: bytes) -> "Object | None":
        """Return the object of this name, None if there is none."""
        return self._objects.get(name)

    def visible(self, sap: int):
        """Iterate over the names of the objects that the client at `sap` may see, in order."""
        return iter(sorted([name for name, found in self._objects.items() if sap in found.access]))
