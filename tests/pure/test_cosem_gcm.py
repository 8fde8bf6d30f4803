"""AES-128-GCM in every variant that this interpreter has: published cases, every length, tampering."""

from check import raises
from gcm_vectors import CASES
from keiki.wire import compat
from keiki.wire.cosem import gcm as board
from keiki.wire.cosem import ghash_plain
from keiki.wire.cosem.security import Cipher

VARIANTS = [lambda key: board.Gcm(key, ghash_plain)]
if compat.HOST:
    VARIANTS.append(compat.gcm())
else:
    from keiki.wire.cosem import ghash_viper

    VARIANTS.append(lambda key: board.Gcm(key, ghash_viper))


def test_published_cases() -> None:
    for make in VARIANTS:
        for key, nonce, aad, text, cipher, tag in CASES:
            gcm = make(key)
            buffer = bytearray(3) + text + bytearray(14)
            end = gcm.seal(buffer, 3, 3 + len(text), nonce, aad)
            assert end == 3 + len(text) + 12
            assert bytes(buffer) == bytes(3) + cipher + tag[:12] + bytes(2)
            assert gcm.open(buffer, 3, end, nonce, aad) == 3 + len(text)
            assert bytes(buffer[3 : 3 + len(text)]) == text


def test_the_variants_agree_at_every_length() -> None:
    key, nonce = bytes(range(16)), bytes(range(12))
    variants = [make(key) for make in VARIANTS]
    for length in list(range(70)) + [255, 256, 257, 511, 1024]:  # noqa: RUF005 - no star here on MicroPython
        text = bytes((7 * i + length) & 0xFF for i in range(length))
        aad = text[: length % 37]
        sealed = []
        for gcm in variants:
            buffer = bytearray(text) + bytearray(12)
            gcm.seal(buffer, 0, length, nonce, aad)
            sealed.append(bytes(buffer))
            assert gcm.open(buffer, 0, length + 12, nonce, aad) == length
            assert bytes(buffer[:length]) == text
            assert gcm.mac(nonce, text) == variants[0].mac(nonce, text)
        assert sealed[0] == sealed[1]


def test_a_flipped_bit_anywhere_is_refused_and_nothing_is_decrypted() -> None:
    key, nonce, aad = bytes(range(16)), bytes(range(12)), b"additional"
    for make in VARIANTS:
        gcm = make(key)
        sealed = bytearray(b"thirty-one bytes of text, or so") + bytearray(12)
        gcm.seal(sealed, 0, 31, nonce, aad)
        for bit in range(8 * len(sealed)):
            buffer = bytearray(sealed)
            buffer[bit >> 3] ^= 1 << (bit & 7)
            before = bytes(buffer)
            assert gcm.open(buffer, 0, 43, nonce, aad) == -1
            assert bytes(buffer) == before
        for end in range(43):
            assert gcm.open(bytearray(sealed), 0, end, nonce, aad) == -1
        assert gcm.open(bytearray(sealed), 0, 43, nonce, b"additionaL") == -1
        assert gcm.open(bytearray(sealed), 0, 43, bytes(12), aad) == -1
        assert gcm.open(bytearray(sealed), 0, 43, nonce, aad) == 31


def test_another_additional_text_is_not_taken_for_the_one_before() -> None:
    for make in VARIANTS:
        gcm = make(bytes(16))
        one, other = bytes(bytearray(b"one")), bytes(bytearray(b"two"))
        assert gcm.mac(bytes(12), one) != gcm.mac(bytes(12), other)
        assert gcm.mac(bytes(12), one) == make(bytes(16)).mac(bytes(12), one)


def test_the_viper_module_is_taken_where_the_port_has_it() -> None:
    assert compat.ghash().__name__.endswith("plain" if compat.HOST else "viper")


def test_a_key_has_16_bytes() -> None:
    raises(ValueError, Cipher, bytes(15), bytes(16))
    raises(ValueError, Cipher, bytes(16), bytes(17))
