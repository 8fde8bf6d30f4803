"""The manifest at the head of an update: what it is for, and every file with its size and SHA-256.

A bundle is the manifest, a signature over it (rsa_pss.SIZE bytes), and the files one after the other in the
manifest's order. The manifest is lines of text, the first `keiki-update 1 NNNNNN`: its length in bytes, that
line included. Then, in any order, once each, `board NAME`, `version X.Y.Z`, `needs keiki X.Y.Z` (the oldest
release that it may replace), `needs micropython X.Y.Z`, perhaps `older allowed`; and for each file
`file SIZE SHA256 PATH`.
"""

from binascii import unhexlify

from keiki.wire.compat import const
from keiki.wire.rsa_pss import SIZE as SIGNATURE

FIRST = const(22)
"""Bytes of the first line."""

MANIFEST_MAX = const(24576)
LINE_MAX = const(200)
FILE_MAX = const(1 << 20)
BUNDLE_MAX = const(4 << 20)
_MAGIC = const(b"keiki-update 1 ")
_PATH_MAX = const(96)
_IN_PATHS = const(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./")


class BundleError(Exception):
    """This is no update, or none for this meter; `str()` says why."""


def head_size(first: bytes) -> int:
    """Return how long manifest and signature are together, from the first line."""
    number = bytes(first[len(_MAGIC) : FIRST - 1])
    if len(first) != FIRST or bytes(first[: len(_MAGIC)]) != _MAGIC or not number.isdigit():
        raise BundleError("not an update")
    size = int(number)
    if not FIRST < size <= MANIFEST_MAX or first[FIRST - 1] != 10:
        raise BundleError("not an update")
    return size + SIGNATURE


def first_line(size: int) -> bytes:
    """Return the first line of a manifest of `size` bytes."""
    return _MAGIC + b"%06d\n" % size


def parse_version(text: str) -> "tuple[int, int, int]":
    """Return "1.2.3" as numbers, each below 1000. BundleError: it is none."""
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isdigit() and len(part) <= 3 for part in parts):
        raise BundleError("version: %s is not X.Y.Z" % text[:20])
    return int(parts[0]), int(parts[1]), int(parts[2])


def parse_line(line: bytes) -> tuple:
    """Return a line after the first one as (word, value), or ("file", size, SHA-256, path)."""
    if len(line) > LINE_MAX or line[-1:] != b"\n":
        raise BundleError("manifest: a line without an end")
    try:
        text = line[:-1].decode()
    except ValueError:
        raise BundleError("manifest: not text") from None
    word, _, value = text.partition(" ")
    if word == "needs":
        about, _, value = value.partition(" ")
        word = "needs " + about
    if word != "file":
        return word, value
    parts = value.split(" ")
    if len(parts) != 3 or not parts[0].isdigit() or int(parts[0]) > FILE_MAX or len(parts[1]) != 64:
        raise BundleError("manifest: a file without size, hash and path")
    try:
        digest = unhexlify(parts[1])
    except ValueError:
        raise BundleError("manifest: a hash that is none") from None
    check_path(parts[2])
    return word, int(parts[0]), digest, parts[2]


def check_path(path: str) -> None:
    """BundleError unless it is a path below a slot's folder."""
    known = all(byte in _IN_PATHS for byte in path.encode())
    steps = path.split("/")
    if not known or len(path) > _PATH_MAX or "" in steps or "." in steps or ".." in steps:
        raise BundleError("manifest: a path that cannot be")


def check_fit(found: "dict[str, str]", board: str, running: str, micropython: tuple, older: bool) -> None:
    """BundleError unless what a manifest says fits the meter; `older`: a downgrade is allowed."""
    for word in ("board", "version", "needs keiki", "needs micropython"):
        if word not in found:
            raise BundleError("manifest: it says no %s" % word)
    if found["board"] != board:
        raise BundleError("it is for board %s, and this is %s" % (found["board"], board))
    version, now = parse_version(found["version"]), parse_version(running)
    if now < parse_version(found["needs keiki"]):
        raise BundleError("it needs %s, and %s runs" % (found["needs keiki"], running))
    if tuple(micropython[:3]) < parse_version(found["needs micropython"]):
        raise BundleError("it needs MicroPython %s" % found["needs micropython"])
    if version < now and not older and found.get("older") != "allowed":
        raise BundleError("%s is older than %s, which runs" % (found["version"], running))
