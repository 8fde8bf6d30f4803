"""Interface classes that are tables of fields: clock, scripts, switch, limiter, push, network, security.

Document: Blue Book, the clause that each class names. What is behind an object is its `view`, see
objects_fields.py: it has the names in the tables below.
"""

from keiki.wire.cosem.objects_fields import FieldObject


class Clock(FieldObject):
    """Clock, 4.5.1. Times are 12 bytes, see datetime12.py; `shift` gets seconds."""

    class_id = 8
    FIELDS = (
        "time octets, time_zone i16, status u8, dst_begin octets, dst_end octets, dst_deviation i8, "
        "dst_enabled boolean, base enum"
    )
    ACTIONS = (
        "adjust_to_quarter i8, adjust_to_period i8, adjust_to_minute i8, adjust_to_preset i8, "
        "preset (octets octets octets), shift i16"
    )


class ScriptTable(FieldObject):
    """Script table, 4.5.2. A script: number, actions (service, class, name, member, parameter: null)."""

    class_id = 9
    FIELDS = "scripts [(u16 [(enum u16 octets i8 null)])]"
    ACTIONS = "execute u16"


class SingleAction(FieldObject):
    """Single action schedule, 4.5.7. Times are pairs: time (4 bytes), date (5 bytes)."""

    class_id = 22
    FIELDS = "script (octets u16), type enum, times [(octets octets)]"


class PushSetup(FieldObject):
    """Push setup, 4.4.8. `destination` is (transport service, address, message form)."""

    class_id = 40
    FIELDS = (
        "columns [(u16 octets i8 u16)], destination (enum octets enum), window [(octets octets)], "
        "delay_s u16, retries u8, repeat_s u16"
    )
    ACTIONS = "push i8"


class ImageTransfer(FieldObject):
    """Image transfer, 4.4.6. `view.blocks()` is (bits, how many), the first block in the highest bit."""

    class_id = 18
    FIELDS = (
        "block_size u32, blocks null, first_missing u32, enabled boolean, status enum, "
        "to_activate [(u32 octets octets)]"
    )
    ACTIONS = "initiate (octets u32), transfer (u32 octets), verify i8, activate i8"
    _BLOCKS = 3

    def get(self, attribute, selection, writer, association):
        """Write a field; which blocks are there is a bit-string."""
        if attribute != self._BLOCKS or selection is not None:
            return super().get(attribute, selection, writer, association)
        writer.bits(*self.view.blocks())
        return None


class TcpUdp(FieldObject):
    """TCP-UDP setup, 4.9.1."""

    class_id = 41
    FIELDS = "port u16, ip_name octets, segment_size u16, connections u8, idle_s u16"


class IPv4(FieldObject):
    """IPv4 setup, 4.9.2. Addresses are u32."""

    class_id = 42
    FIELDS = (
        "link_name octets, address u32, multicast [u32], options [u32], subnet u32, gateway u32, "
        "dhcp boolean, dns u32, dns_second u32"
    )
    ACTIONS = "add_multicast u32, remove_multicast u32, count_multicast i8"


class SecuritySetup(FieldObject):
    """Security setup, 4.4.7, version 0. Keys come wrapped: pairs of key number and 24 bytes."""

    class_id = 64
    FIELDS = "policy enum, suite enum, client_title octets, server_title octets"
    ACTIONS = "activate enum, transfer_keys [(enum octets)]"


class Disconnect(FieldObject):
    """Disconnect control, 4.5.8. The parameter of both methods is 0."""

    class_id = 70
    FIELDS = "output_state boolean, control_state enum, control_mode enum"
    ACTIONS = "disconnect i8, reconnect i8"


class Limiter(FieldObject):
    """Limiter, 4.5.9. Thresholds are u32 in the unit of what is monitored: (class, name, attribute)."""

    class_id = 71
    FIELDS = (
        "monitored (u16 octets i8), threshold_active u32, threshold_normal u32, threshold_emergency u32, "
        "over_s u32, under_s u32, emergency (u16 octets u32), emergency_groups [u16], "
        "emergency_active boolean, actions ((octets u16) (octets u16))"
    )
