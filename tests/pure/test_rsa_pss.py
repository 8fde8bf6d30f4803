"""RSASSA-PSS of updates against signatures of another implementation."""

import hashlib

from keiki.wire import rsa_pss
from pss_vectors import MODULUS, OF_V15, SALT_20, SIGNED

DIGEST = hashlib.sha256(b"keiki").digest()


def verified(modulus, signature, digest):
    steps = rsa_pss.verify(modulus, signature, digest)
    count = 0
    while True:
        try:
            next(steps)
            count += 1
        except StopIteration as done:
            return done.value, count


def test_a_good_signature_is_one_in_17_multiplications():
    assert verified(MODULUS, SIGNED, DIGEST) == (True, 16)


def test_a_signature_of_another_text_or_form_is_none():
    assert verified(MODULUS, SIGNED, hashlib.sha256(b"Keiki").digest())[0] is False
    assert verified(MODULUS, OF_V15, DIGEST)[0] is False
    assert verified(MODULUS, SALT_20, DIGEST)[0] is False


def test_a_bit_that_is_wrong_anywhere_is_seen():
    for at in range(0, rsa_pss.SIZE, 37):
        bad = bytearray(SIGNED)
        bad[at] ^= 1 << (at & 7)
        assert verified(MODULUS, bytes(bad), DIGEST)[0] is False, at


def test_numbers_that_no_signer_makes_are_refused():
    largest = (int.from_bytes(MODULUS, "big") - 1).to_bytes(rsa_pss.SIZE, "big")
    for signature in (bytes(384), bytes(383) + b"\x01", largest, MODULUS, b"\xff" * 384, SIGNED[1:], b""):
        assert verified(MODULUS, signature, DIGEST)[0] is False
    assert verified(bytes(384), SIGNED, DIGEST)[0] is False
    assert verified(MODULUS[1:], SIGNED, DIGEST)[0] is False
