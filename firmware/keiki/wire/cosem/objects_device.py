"""Interface classes that are tables of fields: clock, scripts, switch, limiter, push, network, security.

Document: Blue Book, the clause that each of them names. Each is (class, fields, actions), see
objects_fields.py; what is behind an object is its `view`, which has these names.
"""

from keiki.wire.compat import const
from keiki.wire.cosem.objects_fields import FieldObject

CLOCK = (
    8,
    "time octets, time_zone i16, status u8, dst_begin octets, dst_end octets, dst_deviation i8, "
    "dst_enabled boolean, base enum",
    "adjust_to_quarter i8, adjust_to_period i8, adjust_to_minute i8, adjust_to_preset i8, "
    "preset (octets octets octets), shift i16",
)
"""Clock, 4.5.1. Times are 12 bytes, see datetime12.py; `shift` gets seconds."""

SCRIPT_TABLE = (
    9,
    "scripts [(u16 [(enum u16 octets i8 null)])]",
    "execute u16",
)
"""Script table, 4.5.2. A script: number, actions (service, class, name, member, parameter: null)."""

SINGLE_ACTION = (
    22,
    "script (octets u16), type enum, times [(octets octets)]",
    "",
)
"""Single action schedule, 4.5.7. Times are pairs: time (4 bytes), date (5 bytes)."""

PUSH_SETUP = (
    40,
    "columns [(u16 octets i8 u16)], destination (enum octets enum), window [(octets octets)], "
    "delay_s u16, retries u8, repeat_s u16",
    "push i8",
)
"""Push setup, 4.4.8. `destination` is (transport service, address, message form)."""

IMAGE_TRANSFER = (
    18,
    "block_size u32, blocks null, first_missing u32, enabled boolean, status enum, "
    "to_activate [(u32 octets octets)]",
    "initiate (octets u32), transfer (u32 octets), verify i8, activate i8",
)
"""Image transfer, 4.4.6. `view.blocks()` is (bits, how many), the first block in the highest bit."""

TCP_UDP = (
    41,
    "port u16, ip_name octets, segment_size u16, connections u8, idle_s u16",
    "",
)
"""TCP-UDP setup, 4.9.1."""

IPV4 = (
    42,
    "link_name octets, address u32, multicast [u32], options [u32], subnet u32, gateway u32, "
    "dhcp boolean, dns u32, dns_second u32",
    "add_multicast u32, remove_multicast u32, count_multicast i8",
)
"""IPv4 setup, 4.9.2. Addresses are u32."""

SECURITY_SETUP = (
    64,
    "policy enum, suite enum, client_title octets, server_title octets",
    "activate enum, transfer_keys [(enum octets)]",
)
"""Security setup, 4.4.7, version 0. Keys come wrapped: pairs of key number and 24 bytes."""

DISCONNECT = (
    70,
    "output_state boolean, control_state enum, control_mode enum",
    "disconnect i8, reconnect i8",
)
"""Disconnect control, 4.5.8. The parameter of both methods is 0."""

LIMITER = (
    71,
    "monitored (u16 octets i8), threshold_active u32, threshold_normal u32, threshold_emergency u32, "
    "over_s u32, under_s u32, emergency (u16 octets u32), emergency_groups [u16], "
    "emergency_active boolean, actions ((octets u16) (octets u16))",
    "",
)
"""Limiter, 4.5.9. Thresholds are u32 in the unit of what is monitored: (class, name, attribute)."""

_BLOCKS = const(3)


class ImageTransfer(FieldObject):
    """An object of kind IMAGE_TRANSFER."""

    def get(self, attribute, selection, writer, association):
        """Write a field; which blocks are there is a bit-string."""
        if attribute != _BLOCKS or selection is not None:
            return super().get(attribute, selection, writer, association)
        writer.bits(*self.view.blocks())
        return None
