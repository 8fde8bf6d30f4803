"""ROMFS images: files that MicroPython (1.25 and later) reads, and executes, where they lie.

Document: MicroPython, extmod/vfs_rom.c and mpremote's `romfs build`. A record is its kind and the length of
what follows, as big-endian base-128 numbers, and that; records are nested. Lengths may have leading zeros
(80), which align the image.
"""

from collections.abc import Mapping

_MAGIC = b"\xd2\xcd\x31"
_VERBATIM, _DIRECTORY, _FILE = 2, 4, 5


def build(files: Mapping[str, bytes]) -> bytes:
    """Return an image of `files`: path with slashes, none in front -> contents."""
    tree: dict[str, object] = {}
    for path, data in sorted(files.items()):
        *folders, name = path.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})  # type: ignore[assignment]
        place[name] = data
    body = _records(tree)
    length = _number(len(body))
    if (len(_MAGIC) + len(length) + len(body)) % 2:
        length = b"\x80" + length
    return _MAGIC + length + body


def _number(value: int) -> bytes:
    encoded = [value & 0x7F]
    while value := value >> 7:
        encoded.insert(0, 0x80 | value & 0x7F)
    return bytes(encoded)


def _record(kind: int, payload: bytes) -> bytes:
    return _number(kind) + _number(len(payload)) + payload


def _records(tree: Mapping[str, object]) -> bytes:
    parts = []
    for name, item in tree.items():
        head = _number(len(name.encode())) + name.encode()
        if isinstance(item, bytes):
            parts.append(_record(_FILE, head + _record(_VERBATIM, item)))
        else:
            assert isinstance(item, dict)
            parts.append(_record(_DIRECTORY, head + _records(item)))
    return b"".join(parts)
