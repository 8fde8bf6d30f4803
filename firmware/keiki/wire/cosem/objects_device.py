"""Interface classes that are tables of fields: clock, scripts, switch, limiter, push, network, security.

Document: Blue Book, the clause that each class names. What is behind an object is its `view`, see
objects_fields.py: it has the names in the tables below.
"""

from keiki.wire.cosem.axdr import (
    ARRAY,
    BOOLEAN,
    ENUM,
    I8,
    I16,
    NULL,
    OCTETS,
    STRUCTURE,
    U8,
    U16,
    U32,
)
from keiki.wire.cosem.objects_fields import FieldObject
from keiki.wire.cosem.values import COLUMN

SCRIPT = (STRUCTURE, OCTETS, U16)
"""A script: name of its table, number."""


class Clock(FieldObject):
    """Clock, 4.5.1. Times are 12 bytes, see datetime12.py; `shift` gets seconds."""

    class_id = 8
    ATTRIBUTES = 9
    METHODS = 6
    FIELDS = {
        2: ("time", OCTETS),
        3: ("time_zone", I16),
        4: ("status", U8),
        5: ("dst_begin", OCTETS),
        6: ("dst_end", OCTETS),
        7: ("dst_deviation", I8),
        8: ("dst_enabled", BOOLEAN),
        9: ("base", ENUM),
    }
    METHODS_OF = {6: ("shift", I16)}


class ScriptTable(FieldObject):
    """Script table, 4.5.2. A script: number, actions (service, class, name, member, parameter: null)."""

    class_id = 9
    ATTRIBUTES = 2
    METHODS = 1
    FIELDS = {2: ("scripts", (ARRAY, (STRUCTURE, U16, (ARRAY, (STRUCTURE, ENUM, U16, OCTETS, I8, NULL)))))}
    METHODS_OF = {1: ("execute", U16)}


class SingleAction(FieldObject):
    """Single action schedule, 4.5.7. Times are pairs: time (4 bytes), date (5 bytes)."""

    class_id = 22
    ATTRIBUTES = 4
    FIELDS = {
        2: ("script", SCRIPT),
        3: ("type", ENUM),
        4: ("times", (ARRAY, (STRUCTURE, OCTETS, OCTETS))),
    }


class PushSetup(FieldObject):
    """Push setup, 4.4.8. `destination` is (transport service, address, message form)."""

    class_id = 40
    ATTRIBUTES = 7
    METHODS = 1
    FIELDS = {
        2: ("columns", (ARRAY, COLUMN)),
        3: ("destination", (STRUCTURE, ENUM, OCTETS, ENUM)),
        4: ("window", (ARRAY, (STRUCTURE, OCTETS, OCTETS))),
        5: ("delay_s", U16),
        6: ("retries", U8),
        7: ("repeat_s", U16),
    }
    METHODS_OF = {1: ("push", I8)}


class TcpUdp(FieldObject):
    """TCP-UDP setup, 4.9.1."""

    class_id = 41
    ATTRIBUTES = 6
    FIELDS = {
        2: ("port", U16),
        3: ("ip_name", OCTETS),
        4: ("segment_size", U16),
        5: ("connections", U8),
        6: ("idle_s", U16),
    }


class IPv4(FieldObject):
    """IPv4 setup, 4.9.2. Addresses are u32."""

    class_id = 42
    ATTRIBUTES = 10
    METHODS = 3
    FIELDS = {
        2: ("link_name", OCTETS),
        3: ("address", U32),
        4: ("multicast", (ARRAY, U32)),
        5: ("options", (ARRAY, U32)),
        6: ("subnet", U32),
        7: ("gateway", U32),
        8: ("dhcp", BOOLEAN),
        9: ("dns", U32),
        10: ("dns_second", U32),
    }


class SecuritySetup(FieldObject):
    """Security setup, 4.4.7, version 0. Keys come wrapped: pairs of key number and 24 bytes."""

    class_id = 64
    ATTRIBUTES = 5
    METHODS = 2
    FIELDS = {
        2: ("policy", ENUM),
        3: ("suite", ENUM),
        4: ("client_title", OCTETS),
        5: ("server_title", OCTETS),
    }
    METHODS_OF = {
        1: ("activate", ENUM),
        2: ("transfer_keys", (ARRAY, (STRUCTURE, ENUM, OCTETS))),
    }


class Disconnect(FieldObject):
    """Disconnect control, 4.5.8. The parameter of both methods is 0."""

    class_id = 70
    ATTRIBUTES = 4
    METHODS = 2
    FIELDS = {2: ("output_state", BOOLEAN), 3: ("control_state", ENUM), 4: ("control_mode", ENUM)}
    METHODS_OF = {1: ("disconnect", I8), 2: ("reconnect", I8)}


class Limiter(FieldObject):
    """Limiter, 4.5.9. Thresholds are u32 in the unit of what is monitored: (class, name, attribute)."""

    class_id = 71
    ATTRIBUTES = 11
    FIELDS = {
        2: ("monitored", (STRUCTURE, U16, OCTETS, I8)),
        3: ("threshold_active", U32),
        4: ("threshold_normal", U32),
        5: ("threshold_emergency", U32),
        6: ("over_s", U32),
        7: ("under_s", U32),
        8: ("emergency", (STRUCTURE, U16, OCTETS, U32)),
        9: ("emergency_groups", (ARRAY, U16)),
        10: ("emergency_active", BOOLEAN),
        11: ("actions", (STRUCTURE, SCRIPT, SCRIPT)),
    }
