"""Objects that are nothing but fields: a table says which attribute is what of the thing behind."""

from keiki.wire.cosem.axdr import NULL, Reader, Writer
from keiki.wire.cosem.objects import Object
from keiki.wire.cosem.results import DENIED, TYPE_UNMATCHED, AccessError
from keiki.wire.cosem.values import read_shape, write_shape


class FieldObject(Object):
    """An object whose attributes are the fields of `view`.

    FIELDS {attribute: (name, shape)}, shapes as in values.py: `view.name` is the value, or gives it when
    called. A SET calls `view.set_name(value, association)` if there is such a method. METHODS_OF {method:
    (name, shape of its parameter)}: `view.name(value, association)` is called. Both may raise what
    results.FAULTS names.
    """

    FIELDS = {}
    METHODS_OF = {}

    def __init__(self, name: bytes, access, view) -> None:
        super().__init__(name, access)
        self.view = view

    def get(self, attribute: int, selection: "Reader | None", writer: Writer, association):
        """Write a field."""
        if attribute not in self.FIELDS or selection is not None:
            return super().get(attribute, selection, writer, association)
        field, shape = self.FIELDS[attribute]
        value = getattr(self.view, field)
        write_shape(writer, shape, value() if callable(value) else value)
        return None

    def set(self, attribute: int, reader: Reader, association) -> None:
        """Take a new value for a field."""
        field, shape = self.FIELDS.get(attribute, ("", NULL))
        store = getattr(self.view, "set_" + field, None)
        if store is None:
            raise AccessError(DENIED)
        value = read_shape(reader, shape)
        store(value, association)

    def act(self, method: int, reader: "Reader | None", writer: Writer, association) -> bool:
        """Carry out a method."""
        field, shape = self.METHODS_OF.get(method, ("", NULL))
        act = getattr(self.view, field, None) if field else None
        if act is None:
            raise AccessError(DENIED)
        if reader is None:
            raise AccessError(TYPE_UNMATCHED)
        value = read_shape(reader, shape)
        act(value, association)
        return False
