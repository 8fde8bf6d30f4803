"""Protected APDUs, the proof of HLS5, and keys that travel wrapped."""

from binascii import unhexlify

from check import raises
from keiki.wire.cosem import keywrap, protection
from keiki.wire.cosem.security import Cipher, SecurityError, acceptable, counter_of, same

TITLE = b"KEI00001"
EK, AK = bytes(range(16)), bytes(range(0xD0, 0xE0))
GET = unhexlify("c001c100080000010000ff0200")
# IEC 62056-5-3: a get-request under glo-ciphering, with the keys above
GREEN_EK = unhexlify("000102030405060708090a0b0c0d0e0f")
GREEN_AK = unhexlify("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf")
GREEN_GET = unhexlify("c0010000080000010000ff0200")
GREEN_TITLE = unhexlify("4d4d4d0000bc614e")
GREEN_GLO_GET = unhexlify("c81e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b")


def buffer_of(apdu: bytes) -> bytearray:
    return bytearray(protection.HEAD) + apdu + bytearray(12)


def protected(apdu: bytes, general: bool, counter: int = 7, title: bytes = TITLE) -> bytes:
    buffer = buffer_of(apdu)
    start, end = protection.protect(
        Cipher(EK, AK), general, buffer, protection.HEAD, protection.HEAD + len(apdu), title, counter
    )
    return bytes(buffer[start:end])


def opened(data: bytes, title: bytes = TITLE, cipher=None) -> bytes:
    buffer = bytearray(data)
    _, _, start, end = protection.unprotect(cipher or Cipher(EK, AK), buffer, 0, len(data), title)
    return bytes(buffer[start:end])


def test_a_published_get_request() -> None:
    buffer = buffer_of(GREEN_GET)
    start, end = protection.protect(
        Cipher(GREEN_EK, GREEN_AK), False, buffer, 18, 18 + len(GREEN_GET), GREEN_TITLE, 0x01234567
    )
    assert bytes(buffer[start:end]) == GREEN_GLO_GET
    assert opened(GREEN_GLO_GET, GREEN_TITLE, Cipher(GREEN_EK, GREEN_AK)) == GREEN_GET


def test_both_forms_of_every_length_come_back() -> None:
    for general in (False, True):
        for length in (1, 13, 100, 110, 111, 112, 127, 128, 238, 239, 240, 256, 1000):
            apdu = bytes((0xC4,)) + bytes((i & 0xFF) for i in range(length - 1))
            data = protected(apdu, general)
            assert data[0] == (0xDB if general else 0xCC)
            found = protection.unprotect(Cipher(EK, AK), bytearray(data), 0, len(data), TITLE)
            assert found[:2] == (general, 7)
            assert opened(data) == apdu


def test_what_has_no_form_of_its_own_goes_as_general_glo() -> None:
    assert protected(b"\x0f\x00", False)[0] == 0xDB


def test_every_flipped_bit_and_every_truncation_is_refused_and_changes_nothing() -> None:
    for general in (False, True):
        data = protected(GET, general)
        for bit in range(8 * len(data)):
            bad = bytearray(data)
            bad[bit >> 3] ^= 1 << (bit & 7)
            before = bytes(bad)
            raises(SecurityError, protection.unprotect, Cipher(EK, AK), bad, 0, len(bad), TITLE)
            assert bit < 8 or bytes(bad) == before  # another service shows only inside
        for length in range(len(data)):
            raises(SecurityError, opened, data[:length])
        raises(SecurityError, opened, data + b"\x00")


def test_another_title_key_or_control_byte_is_refused() -> None:
    for general in (False, True):
        data = protected(GET, general)
        raises(SecurityError, opened, data, b"KEI00002")
        raises(SecurityError, opened, data, TITLE, Cipher(AK, EK))
        raises(SecurityError, opened, data, TITLE, Cipher(EK, EK))
    raises(SecurityError, opened, GET)
    for control in (0x00, 0x10, 0x20, 0x31, 0x70, 0xB0):
        data = bytearray(protected(GET, False))
        data[2] = control
        raises(SecurityError, opened, bytes(data))


def test_a_set_request_in_the_form_of_a_get_request_is_refused() -> None:
    data = bytearray(protected(b"\xc1" + GET[1:], False))
    assert data[0] == 0xC9
    data[0] = 0xC8
    raises(SecurityError, opened, bytes(data))


def test_the_proof_of_hls5() -> None:
    # IEC 62056-5-3: HLS5 with the keys above, challenge of the server and answer of the client
    cipher = Cipher(GREEN_EK, GREEN_AK)
    title = unhexlify("4d4d4d0000000001")
    proof = cipher.proof(title, 1, b"P6wRJ21F")
    assert proof == unhexlify("10000000011a52fe7dd3e72748973c1e28")
    assert cipher.proves(proof, title, b"P6wRJ21F")
    assert counter_of(proof) == 1
    assert not cipher.proves(proof, title, b"P6wRJ21G")
    assert not cipher.proves(proof, TITLE, b"P6wRJ21F")
    assert not cipher.proves(b"", TITLE, b"")
    for bit in range(8 * len(proof)):
        bad = bytearray(proof)
        bad[bit >> 3] ^= 1 << (bit & 7)
        assert not cipher.proves(bytes(bad), title, b"P6wRJ21F")


def test_a_short_challenge_and_our_own_one_sent_back_are_refused() -> None:
    assert acceptable(bytes(8)) and acceptable(bytes(64), bytes(16))
    for bad in (b"", bytes(7), bytes(65)):
        assert not acceptable(bad)
    assert not acceptable(b"our own challenge", b"our own challenge")


def test_same_compares_length_and_every_byte() -> None:
    assert same(b"", b"") and same(b"abc", b"abc")
    assert not same(b"abc", b"ab") and not same(b"ab", b"abc") and not same(b"", b"a")
    assert not same(b"abc", b"abd") and not same(b"abc", b"bbc")


class Looked:
    """Bytes that count how many of them were looked at."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.count = 0

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self):  # type: ignore[no-untyped-def]
        for byte in self._data:
            self.count += 1
            yield byte


def test_same_looks_at_every_byte_wherever_they_differ() -> None:
    for at in range(12):
        looked = Looked(bytes(at) + b"\x01" + bytes(11 - at))
        assert not same(looked, bytes(12))  # type: ignore[arg-type]
        assert looked.count == 12


def test_key_wrap_of_rfc_3394() -> None:
    kek = unhexlify("000102030405060708090a0b0c0d0e0f")
    key = unhexlify("00112233445566778899aabbccddeeff")
    wrapped = unhexlify("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5")
    assert keywrap.wrap(kek, key) == wrapped
    assert keywrap.unwrap(kek, wrapped) == key
    for bit in range(8 * len(wrapped)):
        bad = bytearray(wrapped)
        bad[bit >> 3] ^= 1 << (bit & 7)
        raises(SecurityError, keywrap.unwrap, kek, bytes(bad))
    for length in range(24):
        raises(SecurityError, keywrap.unwrap, kek, wrapped[:length])
    raises(SecurityError, keywrap.unwrap, key, wrapped)


def test_keys_are_not_in_what_is_printed() -> None:
    assert repr(Cipher(EK, AK)) == "Cipher(...)"
