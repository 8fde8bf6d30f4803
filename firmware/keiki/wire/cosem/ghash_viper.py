"""GHASH and counter blocks in viper, for ports that have it: 4-bit table, 32-bit words.

Document: NIST SP 800-38D, 6.4 and 6.5. The same functions in plain code are in ghash_plain.

Right with words of 32 and of 64 bits: constants above 0x3fffffff would become objects on a 32-bit port, so
they are made by shifting, and what an arithmetic shift drags in from the left is masked away.
`@micropython.viper` is a word to the compiler, not a name.
"""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false, reportInvalidTypeForm=false, reportIndexIssue=false
# pyright: reportOperatorIssue=false, reportArgumentType=false

from array import array

# What falls out on the right at a step of four bits comes back on the left as these, times 2^16.
_FOLD = array(
    "H",
    (0x0000, 0x1C20, 0x3840, 0x2460, 0x7080, 0x6CA0, 0x48C0, 0x54E0,
     0xE100, 0xFD20, 0xD940, 0xC560, 0x9180, 0x8DA0, 0xA9C0, 0xB5E0),
)  # fmt: skip


def table(multiples: "list[int]") -> array:
    """Return the 16 multiples of H (integers of 128 bits) as 64 words, and _FOLD behind them."""
    words = array("I", bytes(288))
    for at, multiple in enumerate(multiples):
        for word in range(4):
            words[4 * at + word] = (multiple >> (96 - 32 * word)) & 0xFFFFFFFF
    memoryview(words)[64:] = array("I", bytes(_FOLD))
    return words


@micropython.viper
def update(y: ptr32, multiples: ptr32, data: ptr8, start: int, end: int):
    """Take `data[start:end]`, with zeros to whole blocks, into the sum `y` (4 words, highest first)."""
    fold = ptr16(multiples)
    low28 = (1 << 28) - 1
    at = start
    while at < end:
        i = 0
        while i < 16:
            if at < end:
                y[i >> 2] = int(y[i >> 2]) ^ (int(data[at]) << (24 - ((i & 3) << 3)))
                at += 1
            i += 1
        z0 = 0
        z1 = 0
        z2 = 0
        z3 = 0
        i = 3
        while i >= 0:
            word = int(y[i])
            k = 0
            while k < 8:
                of = (word & 15) << 2
                word >>= 4
                back = int(fold[128 + (z3 & 15)]) << 16
                z3 = (((z3 >> 4) & low28) | (z2 << 28)) ^ int(multiples[of + 3])
                z2 = (((z2 >> 4) & low28) | (z1 << 28)) ^ int(multiples[of + 2])
                z1 = (((z1 >> 4) & low28) | (z0 << 28)) ^ int(multiples[of + 1])
                z0 = ((z0 >> 4) & low28) ^ back ^ int(multiples[of])
                k += 1
            i -= 1
        y[0] = z0
        y[1] = z1
        y[2] = z2
        y[3] = z3


@micropython.viper
def counters(blocks: ptr8, nonce: ptr8, first: int, n: int):
    """Write `n` counter blocks: 12 bytes of nonce and the counter, from `first` on."""
    at = 0
    while n > 0:
        i = 0
        while i < 12:
            blocks[at + i] = nonce[i]
            i += 1
        blocks[at + 12] = (first >> 24) & 255
        blocks[at + 13] = (first >> 16) & 255
        blocks[at + 14] = (first >> 8) & 255
        blocks[at + 15] = first & 255
        first += 1
        at += 16
        n -= 1


@micropython.viper
def xor(data: ptr8, start: int, stream: ptr8, n: int):
    """Combine `n` bytes of `data` from `start` on with those of `stream`."""
    i = 0
    while i < n:
        data[start + i] = int(data[start + i]) ^ int(stream[i])
        i += 1


@micropython.viper
def xor_words(data: ptr8, y: ptr32):
    """Combine 16 bytes with the four words of a sum."""
    i = 0
    while i < 16:
        data[i] = int(data[i]) ^ ((int(y[i >> 2]) >> (24 - ((i & 3) << 3))) & 255)
        i += 1
