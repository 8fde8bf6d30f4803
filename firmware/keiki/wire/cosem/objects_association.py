"""The objects that say who may associate and what there is: association (15) and SAP assignment (17).

Document: Blue Book 4.4.4, 4.4.5. Attribute and method access as in version 1 of class 15.
"""

from keiki.wire.compat import const
from keiki.wire.cosem import acse, initiate
from keiki.wire.cosem.axdr import ARRAY, ENUM, I8, OCTETS, STRUCTURE, U8, U16, Writer
from keiki.wire.cosem.objects import ArrayRows, Object

_ASSOCIATED = const(2)


class AssociationLn(Object):
    """Association LN, version 1. Every client sees its own association and the objects that it may see."""

    class_id = 15
    version = 1
    ATTRIBUTES = 9
    METHODS = 4
    READ = {
        2: "read_object_list",
        3: "read_partners",
        4: "read_context_name",
        5: "read_context",
        6: "read_mechanism",
        8: "read_status",
        9: "read_security_setup",
    }

    def __init__(self, name: bytes, access, security_setup: bytes) -> None:
        super().__init__(name, access)
        self._security_setup = security_setup

    def read_object_list(self, writer: Writer, association) -> ArrayRows:
        """Attribute 2, object_list: the objects that the client may see."""
        sap = association.client.sap
        objects = association.server.objects
        count = 0
        for _ in objects.visible(sap):
            count += 1
        writer.begin(ARRAY, count)
        names = objects.visible(sap)
        return ArrayRows(names, lambda writer, name: _write_entry(writer, objects.get(name), sap))

    def read_partners(self, writer: Writer, association) -> None:
        """Attribute 3, associated_partners_id."""
        writer.begin(STRUCTURE, 2)
        writer.number(I8, association.client.sap)
        writer.number(U16, association.server.sap)

    def read_context_name(self, writer: Writer, association) -> None:
        """Attribute 4, application_context_name."""
        secured = association.client.guard is not None
        writer.string(OCTETS, acse.CONTEXT_OID + bytes((acse.LN_CIPHERED if secured else acse.LN,)))

    def read_context(self, writer: Writer, association) -> None:
        """Attribute 5, xDLMS_context_info."""
        writer.begin(STRUCTURE, 6)
        writer.bits(association.conformance, 24)
        writer.number(U16, association.server.pdu_max)
        writer.number(U16, association.pdu_limit)
        writer.number(U8, initiate.VERSION)
        writer.number(I8, 0)
        writer.string(OCTETS, b"")

    def read_mechanism(self, writer: Writer, association) -> None:
        """Attribute 6, authentication_mechanism_name."""
        secured = association.client.guard is not None
        writer.string(OCTETS, acse.MECHANISM_OID + bytes((acse.GMAC if secured else acse.NO_MECHANISM,)))

    def read_status(self, writer: Writer, association) -> None:
        """Attribute 8, association_status: associated, or nobody could ask."""
        writer.number(ENUM, _ASSOCIATED)

    def read_security_setup(self, writer: Writer, association) -> None:
        """Attribute 9, security_setup_reference."""
        writer.string(OCTETS, self._security_setup)


def _write_entry(writer: Writer, found: Object, sap: int) -> None:
    """Write one element of the object list of a client."""
    readable, writable, methods = found.access[sap]
    attribute_count, method_count = found.counts()
    writer.begin(STRUCTURE, 4)
    writer.number(U16, found.class_id)
    writer.number(U8, found.version)
    writer.string(OCTETS, found.name)
    writer.begin(STRUCTURE, 2)
    writer.begin(ARRAY, attribute_count)
    for attribute in range(1, attribute_count + 1):
        writer.begin(STRUCTURE, 3)
        writer.number(I8, attribute)
        writer.number(ENUM, (readable >> attribute & 1) | (writable >> attribute & 1) << 1)
        writer.null()
    writer.begin(ARRAY, method_count)
    for method in range(1, method_count + 1):
        writer.begin(STRUCTURE, 2)
        writer.number(I8, method)
        writer.number(ENUM, methods >> method & 1)


class SapAssignment(Object):
    """SAP assignment: one logical device, its name given by `logical_device()` as bytes."""

    class_id = 17
    ATTRIBUTES = 2
    METHODS = 1
    READ = {2: "read_list"}

    def __init__(self, name: bytes, access, logical_device) -> None:
        super().__init__(name, access)
        self._logical_device = logical_device

    def read_list(self, writer: Writer, association) -> None:
        """Attribute 2, SAP_assignment_list."""
        writer.begin(ARRAY, 1)
        writer.begin(STRUCTURE, 2)
        writer.number(U16, association.server.sap)
        writer.string(OCTETS, self._logical_device())
