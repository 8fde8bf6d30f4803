"""Objects that are nothing but fields: a table says which attribute is what of the thing behind.

The tables are text, read when somebody asks: text costs a meter no RAM.
"""

from keiki.wire.cosem.axdr import Reader, Writer
from keiki.wire.cosem.objects import Object
from keiki.wire.cosem.results import DENIED, TYPE_UNMATCHED, AccessError
from keiki.wire.cosem.values import parse_shape, read_shape, write_shape


def _row(table: str, number: int) -> "tuple[str, str]":
    """Return (name, shape as text) of row `number` (1 is the first) of a table, ("", "") if there is none."""
    rows = table.split(", ")
    row = rows[number - 1] if 0 < number <= len(rows) else ""
    name, _, shape = row.partition(" ")
    return name, shape


class FieldObject(Object):
    """An object whose attributes are the fields of `view`; `kind` is (class, fields, actions).

    The fields are named from attribute 2 on, each with its shape (see values.parse_shape): `view.name` is the
    value, or gives it when called. A SET calls `view.set_name(value, association)` if there is such a method.
    Actions are the methods from 1 on, each with the shape of its parameter: `view.name(value, association)`
    is called if there is such a method. All may raise what results.FAULTS names.
    """

    def __init__(self, name: bytes, access, view, kind: "tuple[int, str, str]") -> None:
        super().__init__(name, access)
        self.view = view
        self.class_id, self.fields, self.actions = kind

    def counts(self) -> "tuple[int, int]":
        """Return how many attributes and methods the class has."""
        actions = len(self.actions.split(", ")) if self.actions else 0
        return 1 + len(self.fields.split(", ")), actions

    def get(self, attribute: int, selection: "Reader | None", writer: Writer, association):
        """Write a field."""
        field, shape = _row(self.fields, attribute - 1)
        if not field or selection is not None:
            return super().get(attribute, selection, writer, association)
        value = getattr(self.view, field)
        write_shape(writer, parse_shape(shape), value() if callable(value) else value)
        return None

    def set(self, attribute: int, reader: Reader, association) -> None:
        """Take a new value for a field."""
        field, shape = _row(self.fields, attribute - 1)
        store = getattr(self.view, "set_" + field, None) if field else None
        if store is None:
            raise AccessError(DENIED)
        store(read_shape(reader, parse_shape(shape)), association)

    def act(self, method: int, reader: "Reader | None", writer: Writer, association) -> bool:
        """Carry out a method."""
        field, shape = _row(self.actions, method)
        act = getattr(self.view, field, None) if field else None
        if act is None:
            raise AccessError(DENIED)
        if reader is None:
            raise AccessError(TYPE_UNMATCHED)
        act(read_shape(reader, parse_shape(shape)), association)
        return False
