"""Records that lie one behind the other, in viper: which are whole, and as rows of a load profile.

The same functions in plain code are in runs_plain; these leave no garbage behind. Right with words of 32 and
of 64 bits, see cosem/ghash_viper: a shift is masked, a product stays below 2^31, and time is halved first.
`@micropython.viper` is a word to the compiler, not a name.
"""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false, reportInvalidTypeForm=false, reportIndexIssue=false
# pyright: reportOperatorIssue=false, reportArgumentType=false, reportReturnType=false

from array import array

# CRC-32, four bits at a time
_NIBBLES = array(
    "I",
    (0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
     0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C),
)  # fmt: skip


@micropython.viper
def _sift(view: ptr8, count: int, payload_size: int, sequence: int, nibbles: ptr32):
    low28 = (1 << 28) - 1
    low30 = (1 << 30) - 1
    start = 0
    while count > 0:
        crc = -1
        i = -4
        while i < payload_size:
            crc ^= (sequence >> ((i + 4) << 3)) & 255 if i < 0 else int(view[start + i])
            crc = ((crc >> 4) & low28) ^ int(nibbles[crc & 15])
            crc = ((crc >> 4) & low28) ^ int(nibbles[crc & 15])
            i += 1
        crc = (crc ^ -1) & low30
        if crc == 0:
            crc = 1
        end = start + payload_size
        top = int(view[end + 3])
        total = int(view[end]) | (int(view[end + 1]) << 8) | (int(view[end + 2]) << 16) | ((top & 63) << 24)
        if total != crc or top > 63:
            view[end] = 0
            view[end + 1] = 0
            view[end + 2] = 0
            view[end + 3] = 0
        start = end + 4
        sequence += 1
        count -= 1


def sift(view, count: int, payload_size: int, sequence: int) -> None:
    """Set the sum to 0 of what is no record, of `count` slots from `sequence` on.

    A slot is a payload and its sum, see drivers/flashlog_slots.py.
    """
    _sift(view, count, payload_size, sequence, _NIBBLES)


@micropython.viper
def day_of(run: ptr8, index: int) -> int:
    """Return the day, since 1970 in Japan, of the register record (wire/record.py) at `index` of a run."""
    at = 23 * index
    half_s = (
        (int(run[at + 3]) << 23) | (int(run[at + 2]) << 15) | (int(run[at + 1]) << 7) | (int(run[at]) >> 1)
    )
    return (half_s + 16200) // 43200


@micropython.viper
def _energy(buffer: ptr8, at: int, run: ptr8, of: int):
    """Write an u48, little-endian, divided by 1000, as an u32, big-endian: division in halves of words."""
    rest = ((int(run[of + 5]) << 8) | int(run[of + 4])) % 1000
    part = (rest << 16) | (int(run[of + 3]) << 8) | int(run[of + 2])
    high = part // 1000
    part = ((part % 1000) << 16) | (int(run[of + 1]) << 8) | int(run[of])
    low = part // 1000
    buffer[at] = high >> 8
    buffer[at + 1] = high
    buffer[at + 2] = low >> 8
    buffer[at + 3] = low


@micropython.viper
def _fill(buffer: ptr8, at: int, run: ptr8, index: int, head: ptr8, statuses: ptr8, known: int):
    """Write one record as a row."""
    of = 23 * index
    i = 0
    while i < 28:
        buffer[at + i] = head[i]
        i += 1
    half_s = (
        (int(run[of + 3]) << 23) | (int(run[of + 2]) << 15) | (int(run[of + 1]) << 7) | (int(run[of]) >> 1)
    )
    rest_s = (((half_s + 16200) % 43200) << 1) | (int(run[of]) & 1)
    buffer[at + 9] = rest_s // 3600
    buffer[at + 10] = rest_s // 60 % 60
    buffer[at + 11] = rest_s % 60
    status = int(run[of + 4]) & 15
    buffer[at + 15] = 2 if status == 1 else 0
    buffer[at + 17] = statuses[status if status < known else known - 1]


def fill(buffer, at: int, run, index: int, count: int, head, statuses, day: int) -> int:
    """Write records from `index` on as rows, up to `count` or to one of another day than `day`.

    A record whose sum is 0 is left out. A row is what `head` (28 bytes) is, with time, status by `statuses`
    (its first byte that of status 0; four bits of it count) and energies put in.
    Returns the next index + 256 * rows written.
    """
    written = 0
    while index < count:
        end = 23 * index + 23
        if run[end - 1] or run[end - 2] or run[end - 3] or run[end - 4]:
            if day_of(run, index) != day:
                break
            _fill(buffer, at, run, index, head, statuses, len(statuses))
            _energy(buffer, at + 19, run, end - 18)
            _energy(buffer, at + 24, run, end - 12)
            at += 28
            written += 1
        index += 1
    return index + (written << 8)
