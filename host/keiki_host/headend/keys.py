"""Meters' keys, encrypted at rest under a key file that stays outside the database.

AES-256-GCM with a random nonce; the meter and the key's name are authenticated with it, so that no row can
stand in for another. The database keeps one sealed word of its own: a key file that cannot open it is the
wrong one.

A key change has two steps, because nobody knows for a moment which key the meter has: `pend` keeps the new
key beside the current one, `confirm` makes it the current one when the meter has answered under it.
"""

import base64
import binascii
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, delete, insert, select, update

from keiki_host.headend import counters, trail
from keiki_host.headend.counters import Channel
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.schema_registry import key_check, meter_key

# a key's name: the counter that begins again with it. What the head-end sends goes on counting: a meter that
# does not begin again would refuse it otherwise.
NAMES: dict[str, Channel | None] = {
    "kek": None,
    "ek": Channel.RECEIVE,
    "ak": None,
    "read_ek": Channel.RECEIVE_READ,
    "read_ak": None,
}
KEY_BYTES = 16
DEFAULT_FILE = "keiki-headend.key"
_MARK = "keiki-key-1"
_FILE_BYTES = 32
_NONCE_BYTES = 12
_WORD = b"keiki"


def make_key_file(path: Path, rand: Callable[[int], bytes] = os.urandom) -> None:
    """Write a new key file that only its owner can read; HeadendInputError if there is one already."""
    line = f"{_MARK} {base64.b64encode(rand(_FILE_BYTES)).decode()}\n"
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise HeadendInputError(f"key file {path}: {error.strerror}") from None
    with os.fdopen(number, "w") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_key_file(path: Path) -> bytes:
    """The 32 bytes of a key file; HeadendInputError: it is none, or others may read it."""
    try:
        with path.open() as file:
            mode = os.fstat(file.fileno()).st_mode
            words = file.read(200).split()
    except (OSError, UnicodeDecodeError) as error:
        raise HeadendInputError(f"key file {path}: {getattr(error, 'strerror', 'not a key file')}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise HeadendInputError(
            f"key file {path}: others may read it; make it so that only you can (chmod 600)"
        )
    try:
        mark, text = words
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        mark, key = "", b""
    if mark != _MARK or len(key) != _FILE_BYTES:
        raise HeadendInputError(f"key file {path}: not a key file")
    return key


class Safe:
    """The keys in a store, with the key file that opens them."""

    def __init__(self, store: Store, path: Path, rand: Callable[[int], bytes] = os.urandom) -> None:
        """HeadendInputError: no key file, or not this database's (its first one becomes it)."""
        self._store = store
        self._cipher = AESGCM(read_key_file(path))
        self._rand = rand
        with store.write() as connection:
            sealed = connection.execute(select(key_check.c.sealed)).scalar()
            if sealed is None:
                connection.execute(insert(key_check).values(key_check_id=1, sealed=self._seal(_WORD, b"")))
                return
        try:
            self._open(sealed, b"")
        except InvalidTag:
            raise HeadendInputError(
                f"key file {path}: not the one that this database was made with"
            ) from None

    def put(self, meter_id: int, keys: Mapping[str, bytes], *, who: str, now_s: int) -> None:
        """Set keys of a meter, as after its installation; what was there under these names is gone.

        HeadendInputError: a name that is none of `NAMES`, or a key that is not 16 bytes.
        """
        _check(keys)
        with self._store.write() as connection:
            connection.execute(
                delete(meter_key).where(meter_key.c.meter_id == meter_id, meter_key.c.name.in_(list(keys)))
            )
            for name, key in keys.items():
                self._insert(connection, meter_id, name, key, "current", now_s)
                _begin_again(connection, meter_id, name)
            trail.note(connection, now_s, who, "keys.put", f"meter {meter_id}", names=sorted(keys))

    def pend(self, meter_id: int, name: str, key: bytes, *, who: str, now_s: int) -> int:
        """Keep a new key beside the current one; return its number, for `confirm`, `drop` and the command."""
        _check({name: key})
        with self._store.write() as connection:
            key_id = self._insert(connection, meter_id, name, key, "pending", now_s)
            trail.note(connection, now_s, who, "keys.pend", f"meter {meter_id}", name=name, key_id=key_id)
        return key_id

    def confirm(self, key_id: int, *, who: str, now_s: int) -> None:
        """The meter answers under this key: it is the current one now, and the one before is erased."""
        with self._store.write() as connection:
            row = connection.execute(
                select(meter_key).where(meter_key.c.key_id == key_id, meter_key.c.state == "pending")
            ).first()
            if row is None:
                raise HeadendInputError(f"key {key_id}: it is not pending")
            connection.execute(
                delete(meter_key).where(
                    meter_key.c.meter_id == row.meter_id,
                    meter_key.c.name == row.name,
                    meter_key.c.state == "current",
                )
            )
            connection.execute(update(meter_key).where(meter_key.c.key_id == key_id).values(state="current"))
            _begin_again(connection, row.meter_id, row.name)
            trail.note(connection, now_s, who, "keys.confirm", f"meter {row.meter_id}", name=row.name)

    def drop(self, key_id: int, *, who: str, now_s: int) -> None:
        """Forget a pending key that the meter does not have."""
        with self._store.write() as connection:
            row = connection.execute(
                delete(meter_key)
                .where(meter_key.c.key_id == key_id, meter_key.c.state == "pending")
                .returning(meter_key.c.meter_id, meter_key.c.name)
            ).first()
            if row is None:
                raise HeadendInputError(f"key {key_id}: it is not pending")
            trail.note(connection, now_s, who, "keys.drop", f"meter {row.meter_id}", name=row.name)

    def current(self, meter_ids: Iterable[int] | None = None) -> dict[int, dict[str, bytes]]:
        """Current keys by meter and name, of some meters or of all."""
        return self._read("current", meter_ids)

    def pending(self, meter_ids: Iterable[int] | None = None) -> dict[int, dict[str, bytes]]:
        """Pending keys by meter and name: what a meter may have instead, until `confirm` or `drop`."""
        return self._read("pending", meter_ids)

    def states(self, meter_id: int) -> dict[int, tuple[str, str]]:
        """Name and state of each key of a meter, by number."""
        query = select(meter_key.c.key_id, meter_key.c.name, meter_key.c.state).where(
            meter_key.c.meter_id == meter_id
        )
        with self._store.read() as connection:
            return {row.key_id: (row.name, row.state) for row in connection.execute(query)}

    def _read(self, state: str, meter_ids: Iterable[int] | None) -> dict[int, dict[str, bytes]]:
        query = select(meter_key).where(meter_key.c.state == state).order_by(meter_key.c.key_id)
        if meter_ids is not None:
            query = query.where(meter_key.c.meter_id.in_(list(meter_ids)))
        found: dict[int, dict[str, bytes]] = {}
        with self._store.read() as connection:
            for row in connection.execute(query):
                try:
                    key = self._open(row.sealed, _label(row.meter_id, row.name))
                except InvalidTag:
                    raise HeadendInputError(f"database: key {row.key_id} is not as it was written") from None
                found.setdefault(row.meter_id, {})[row.name] = key
        return found

    def _insert(
        self, connection: Connection, meter_id: int, name: str, key: bytes, state: str, now_s: int
    ) -> int:
        sealed = self._seal(key, _label(meter_id, name))
        values = {"meter_id": meter_id, "name": name, "state": state, "sealed": sealed, "made_s": now_s}
        key_id: int = connection.execute(
            insert(meter_key).values(values).returning(meter_key.c.key_id)
        ).scalar_one()
        return key_id

    def _seal(self, plain: bytes, label: bytes) -> bytes:
        nonce = self._rand(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, label)

    def _open(self, sealed: bytes, label: bytes) -> bytes:
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], label)


def _label(meter_id: int, name: str) -> bytes:
    return f"{meter_id} {name}".encode()


def _check(keys: Mapping[str, bytes]) -> None:
    for name, key in keys.items():
        if name not in NAMES:
            raise HeadendInputError(f"key: there is none called {name}")
        if len(key) != KEY_BYTES:
            raise HeadendInputError(f"key {name}: not {KEY_BYTES} bytes")


def _begin_again(connection: Connection, meter_id: int, name: str) -> None:
    channel = NAMES[name]
    if channel is not None:
        counters.reset(connection, meter_id, [channel])
