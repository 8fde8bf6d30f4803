"""An update of the firmware under way: taken piece by piece, checked, and made the version of the next start.

Loaded while somebody updates, and not before. Everything that takes long is done in small steps by a task, so
that the meter goes on measuring and answering.
"""

import asyncio
import gc
from binascii import hexlify

from keiki.meter import eventlog, update_record
from keiki.meter.update_record import (
    ACTIVATED,
    BEGUN,
    CHECKING,
    IDLE,
    INSTALLED,
    RECEIVING,
    REFUSED,
    TURNED_DOWN,
    VERIFIED,
    number_of,
)
from keiki.meter.update_staging import ID_SIZE, Staging
from keiki.meter.version import VERSION
from keiki.wire import rsa_pss
from keiki.wire.compat import const
from keiki.wire.update_manifest import BUNDLE_MAX, BundleError, check_fit

_TRIES = const(10)
_WAIT_MS = const(1000)
STATES = ("idle", "receiving", "checking", "verified", "refused", "activated")

KEY_FILE = "key"


class Update:
    """The update of `meter` (the composition root), whose slots are in `files`; `board` is its name.

    `state` is one of STATES, `reason` says why it was refused.
    """

    def __init__(self, meter, files, board: str, micropython: tuple) -> None:
        self._meter = meter
        self._files = files
        self._board = board
        self._micropython = micropython
        self._staging: "Staging | None" = None
        self._older = False
        self._task = None
        self.size = 0
        self.identity = b""
        self.state = IDLE
        self.reason = ""

    @property
    def offset(self) -> int:
        """How many bytes of the bundle are on flash."""
        return 0 if self._staging is None else self._staging.offset

    @property
    def version(self) -> str:
        """The version that comes, "" while that is not known."""
        return "" if self._staging is None else self._staging.said.get("version", "")

    def key(self) -> bytes:
        """Return the modulus of the key that updates are signed with, b"" if there is none."""
        if self._files.size(KEY_FILE) != rsa_pss.SIZE:
            return b""
        with self._files.open(KEY_FILE, "rb") as file:
            return file.read(rsa_pss.SIZE)

    def trust(self, modulus: bytes) -> None:
        """Take the first key. BundleError: there is one already; another one comes by wire only."""
        if self.key():
            raise BundleError("this meter has a key already")
        if len(modulus) != rsa_pss.SIZE or not modulus[0] & 0x80 or not modulus[-1] & 1:
            raise BundleError("not a key of 3072 bits")
        self._files.make("")
        with self._files.open("key.new", "wb") as file:
            file.write(modulus)
        self._files.rename("key.new", KEY_FILE)

    def begin(self, identity: bytes, size: int, older: bool = False) -> None:
        """Begin, or go on with, the bundle of `size` bytes whose manifest has SHA-256 `identity`.

        `older`: it may be older than what runs. BundleError: it cannot be now.
        """
        record = update_record.load(self._files)
        if self._task is not None or self.state == ACTIVATED:
            raise BundleError("busy: an update is being checked or started")
        if not record["good"]:
            raise BundleError("busy: %s is still on trial" % VERSION)
        if not self.key():
            raise BundleError("this meter has no key to check updates with")
        if len(identity) != ID_SIZE or not 0 < size <= BUNDLE_MAX:
            raise BundleError("longer than this meter takes")
        slot = update_record.slot_for_next(record)
        if record["previous"] == slot:
            # what is about to be overwritten is nothing to go back to
            record["previous"] = ""
            update_record.save(self._files, record)
        self.size, self.identity, self._older = size, identity, older
        self.reason, self.state = "", RECEIVING
        try:
            self._files.make("")
            self._staging = Staging(self._files, slot, identity, self._meter.store.to_grow())
        except BundleError as error:
            self._refuse(str(error))
            return
        if self._staging.total:
            self._start(self._check_head)
        elif not self._staging.offset:
            self._meter.events.add(eventlog.UPDATE, BEGUN, number_of(VERSION))

    def write(self, offset: int, data) -> None:
        """Take bytes of the bundle that begin at `offset`; what is there already is passed over.

        BundleError: they are not what comes next, or are no update. OSError: the flash refuses.
        """
        staging = self._staging
        if staging is None or self.state != RECEIVING:
            raise BundleError("busy" if self.state == CHECKING else "no update is being received")
        if offset > staging.offset:
            raise BundleError("it goes on at %d" % staging.offset)
        known = bool(staging.total)
        try:
            staging.write(memoryview(data)[staging.offset - offset :])
            if staging.total and staging.total != self.size:
                raise BundleError("not as long as was announced")
        except BundleError as error:
            self._refuse(str(error))
            return
        if staging.total and not known:
            self._start(self._check_head)

    def verify(self) -> None:
        """Begin to check all of it; `state` is VERIFIED or REFUSED after `await settled()`."""
        if self.state == VERIFIED:
            return
        if self._staging is None or self.state != RECEIVING or self.offset != self.size:
            raise BundleError("it is not here yet" if self.state == RECEIVING else "nothing to check")
        self._start(self._check_all)

    def activate(self) -> None:
        """Make it the version of the next start. BundleError: it is not verified. OSError: flash refuses."""
        staging = self._staging
        if self.state != VERIFIED or staging is None:
            raise BundleError("it is not verified")
        record = update_record.load(self._files)
        self._meter.events.announce(
            eventlog.UPDATE, INSTALLED, number_of(VERSION), number_of(staging.said["version"])
        )
        slot = update_record.slot_for_next(record)
        record = {"active": slot, "previous": record["active"], "tries": 0, "good": False, "failed": ""}
        update_record.save(self._files, record)
        self.state = ACTIVATED

    async def settled(self) -> bool:
        """Wait until nothing is being checked; tell whether all is well."""
        while self._task is not None:
            await asyncio.sleep_ms(20)
        return self.state != REFUSED

    def _check_head(self):
        staging = self._staging
        assert staging is not None
        yield from staging.check_head(self.key())
        check_fit(staging.said, self._board, VERSION, self._micropython, self._older)
        if staging.total != self.size:
            raise BundleError("not as long as was announced")
        return RECEIVING

    def _check_all(self):
        staging = self._staging
        assert staging is not None
        yield from self._check_head()
        yield from staging.check_files()
        return VERIFIED

    def _start(self, check) -> None:
        self.state = CHECKING
        self._task = asyncio.create_task(self._run(check))

    async def _run(self, check) -> None:
        """Carry out a check, a step at a time; its result is the state that follows.

        Numbers of 3072 bits want room in one piece: where there is none, wait for others to be done with it.
        """
        try:
            for _ in range(_TRIES):
                gc.collect()
                try:
                    steps = check()
                    while True:
                        next(steps)
                        await asyncio.sleep_ms(0)
                except StopIteration as done:
                    self.state = done.value
                    return
                except MemoryError:
                    await asyncio.sleep_ms(_WAIT_MS)
            # what is on flash stays: who begins anew goes on from there
            self.state, self.reason = REFUSED, "the heap has no room to check it; try again"
            self._staging = None
        except BundleError as error:
            self._refuse(str(error))
        except OSError:
            self._refuse("flash: it cannot be read")
        finally:
            self._task = None

    def _refuse(self, reason: str) -> None:
        """Give it up: nothing of it stays."""
        self.state, self.reason = REFUSED, reason
        self._meter.events.add(eventlog.UPDATE, TURNED_DOWN, number_of(VERSION))
        staging, self._staging = self._staging, None
        if staging is not None:
            try:
                staging.drop()
            except OSError:
                pass  # the next one begins by removing what is there

    def status(self) -> dict:
        """Return where it stands, for who asks at the console."""
        record = update_record.load(self._files)
        return {
            "state": STATES[self.state],
            "offset": self.offset,
            "size": self.size,
            "reason": self.reason,
            "id": hexlify(self.identity).decode(),
            "runs": VERSION,
            "slot": record["active"],
            "good": record["good"],
            "next": self.version,
            "has_key": bool(self.key()),
        }
