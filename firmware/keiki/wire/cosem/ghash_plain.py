"""GHASH and counter blocks in plain code, for ports without viper: 4-bit table of 128-bit integers.

Document: NIST SP 800-38D, 6.4 and 6.5. The same functions as in ghash_viper.
"""

from array import array

_FOLD = (
    0x0000, 0x1C20, 0x3840, 0x2460, 0x7080, 0x6CA0, 0x48C0, 0x54E0,
    0xE100, 0xFD20, 0xD940, 0xC560, 0x9180, 0x8DA0, 0xA9C0, 0xB5E0,
)  # fmt: skip


def table(multiples: "list[int]") -> "list[int]":
    """Return the 16 multiples of H as `update` takes them."""
    return multiples


def update(y: array, multiples: "list[int]", data, start: int, end: int) -> None:
    """Take `data[start:end]`, with zeros to whole blocks, into the sum `y` (4 words, highest first)."""
    fold = _FOLD
    state = y[0] << 96 | y[1] << 64 | y[2] << 32 | y[3]
    for at in range(start, end, 16):
        block = bytes(data[at : min(at + 16, end)])
        state ^= int.from_bytes(block, "big") << 8 * (16 - len(block))
        product = multiples[state & 15]
        for _ in range(31):
            state >>= 4
            product = (product >> 4) ^ (fold[product & 15] << 112) ^ multiples[state & 15]
        state = product
    for word in range(4):
        y[word] = (state >> (96 - 32 * word)) & 0xFFFFFFFF


def counters(blocks, nonce, first: int, n: int) -> None:
    """Write `n` counter blocks: 12 bytes of nonce and the counter, from `first` on."""
    for at in range(0, 16 * n, 16):
        blocks[at : at + 12] = nonce
        blocks[at + 12 : at + 16] = first.to_bytes(4, "big")
        first += 1


def xor(data, start: int, stream, n: int) -> None:
    """Combine `n` bytes of `data` from `start` on with those of `stream`."""
    for i in range(n):
        data[start + i] ^= stream[i]


def xor_words(data, y: array) -> None:
    """Combine 16 bytes with the four words of a sum."""
    for i in range(16):
        data[i] ^= (y[i >> 2] >> (24 - ((i & 3) << 3))) & 255
