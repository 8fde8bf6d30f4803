"""DNS on the wire: the question for a server's address and what may come back."""

import struct

from check import raises
from keiki.wire import dns

QUERY = bytes.fromhex("1234 0100 0001 0000 0000 0000 03 6e7470 02 6a70 00 0001 0001".replace(" ", ""))


def dns_answer(*records, flags=0x8180, ident=0x1234, question=QUERY[12:]):
    return struct.pack(">HHHHHH", ident, flags, 1, len(records), 0, 0) + question + b"".join(records)


def resource(kind, data, name=b"\xc0\x0c"):
    return name + struct.pack(">HHIH", kind, 1, 60, len(data)) + data


def test_a_query_asks_for_one_name():
    assert dns.encode_query(0x1234, "ntp.jp", dns.A) == QUERY
    assert dns.encode_query(0x1234, "ntp.jp.", dns.A) == QUERY
    for name in ("", "a..b", "x" * 64):
        raises(ValueError, dns.encode_query, 1, name, dns.A)


def test_the_first_address_is_taken_behind_aliases_too():
    address = bytes((133, 243, 238, 163))
    alias = resource(5, b"\x01b\xc0\x10")
    for records in (
        (resource(1, address),),
        (alias, resource(1, address, b"\x01b\xc0\x10"), resource(1, bytes(4))),
    ):
        assert dns.decode_address(dns_answer(*records), QUERY) == address
    query = QUERY[:-4] + b"\x00\x1c\x00\x01"
    six = bytes(range(16))
    assert dns.decode_address(dns_answer(resource(28, six), question=query[12:]), query) == six


def test_a_name_without_address_has_none():
    assert dns.decode_address(dns_answer(flags=0x8183), QUERY) is None
    assert dns.decode_address(dns_answer(resource(28, bytes(16))), QUERY) is None
    assert dns.decode_address(dns_answer(), QUERY) is None


def test_every_broken_dns_answer_is_rejected():
    good = dns_answer(resource(5, b"\x01b\xc0\x10"), resource(1, bytes(4)))
    for length in range(len(good)):
        raises(dns.FrameError, dns.decode_address, good[:length], QUERY)
    raises(dns.FrameError, dns.decode_address, dns_answer(ident=0x1235), QUERY)
    raises(dns.FrameError, dns.decode_address, dns_answer(flags=0x0100), QUERY)
    other = QUERY[12:].replace(b"ntp", b"ntq")
    raises(dns.FrameError, dns.decode_address, dns_answer(resource(1, bytes(4)), question=other), QUERY)
