"""What protects an association: one side's keys and counters, and the APDUs that go through them.

Document: IEC 62056-5-3 (Green Book 9.2), security suite 0. The same for server and client.
"""

from keiki.wire.compat import const
from keiki.wire.cosem.protection import HEAD, protect, unprotect
from keiki.wire.cosem.security import TAG, TITLE, counter_of

OVERHEAD = const(30)
"""Most bytes that protection adds: HEAD and TAG."""

_TITLE = const(9)  # what general-glo-ciphering has more than glo-ciphering
assert OVERHEAD == HEAD + TAG and _TITLE == TITLE + 1


class CounterError(Exception):
    """The peer used an invocation counter that is not greater than those before; `expected` is the least."""

    def __init__(self, expected: int) -> None:
        super().__init__(expected)
        self.expected = expected


class Guard:
    """What a side has to have for a peer: keys, title, counters, challenges.

    `cipher` (security.Cipher) may be replaced by another one at any time: an answer still goes under the keys
    of its request. `title` is our own system title.
    """

    def __init__(self, cipher, title: bytes) -> None:
        self.cipher = cipher
        self.title = title

    def next_counter(self) -> int:
        """Return an invocation counter that was never used with these keys. OSError: there is none."""
        raise NotImplementedError

    def accept(self, counter: int) -> bool:
        """Take a counter of the peer if it is greater than all before; True is for ever, whatever happens.

        OSError: that cannot be made sure of now. After True `next_counter` works for the answer.
        """
        raise NotImplementedError

    def expected(self) -> int:
        """Return the least counter that `accept` would take."""
        raise NotImplementedError

    def challenge(self) -> bytes:
        """Return 16 bytes that nobody can foresee."""
        raise NotImplementedError

    def may_try(self, now_ms: int) -> bool:
        """Server: tell whether an association may be tried now."""
        return True

    def failed(self, now_ms: int, reason: str) -> bool:
        """Server: take note of an APDU that was not protected as it must be (`reason`: security.REASONS).

        True: the peer has failed too often; it is to hear nothing, and its association is over.
        """
        return False


class Session:
    """One association's protection: `peer` is the other side's title.

    `general` tells the form that is used: that of the peer's last APDU.
    """

    __slots__ = ("cipher", "general", "guard", "ours", "peer", "theirs")

    def __init__(self, guard: Guard, peer: bytes, theirs: bytes = b"") -> None:
        self.guard = guard
        self.cipher = guard.cipher
        self.peer = peer
        self.general = False
        self.ours = guard.challenge()
        self.theirs = theirs

    def overhead(self) -> int:
        """Return the most bytes that `seal` adds."""
        return OVERHEAD if self.general else OVERHEAD - _TITLE

    def open(self, buffer, start: int, end: int) -> "tuple[int, int]":
        """Open an APDU of the peer where it lies, and return the range of its text.

        SecurityError if it is not protected as it must be, CounterError if its counter is an old one.
        """
        guard = self.guard
        cipher = guard.cipher
        general, counter, start, end = unprotect(cipher, buffer, start, end, self.peer)
        if not guard.accept(counter):
            raise CounterError(guard.expected())
        self.cipher = cipher
        self.general = general
        return start, end

    def seal(self, buffer, start: int, end: int) -> "tuple[int, int]":
        """Protect an APDU where it lies, 18 bytes of room before and 12 behind, and return its new range."""
        guard = self.guard
        counter = guard.next_counter()
        return protect(self.cipher, self.general, buffer, start, end, guard.title, counter)

    def open_bytes(self, data: bytes) -> bytes:
        """Open an APDU given as bytes, as `open` does."""
        buffer = bytearray(data)
        start, end = self.open(buffer, 0, len(buffer))
        return bytes(buffer[start:end])

    def seal_bytes(self, data: bytes) -> bytes:
        """Protect an APDU given as bytes, as `seal` does."""
        end = HEAD + len(data)
        buffer = bytearray(end + TAG)
        buffer[HEAD:end] = data
        start, end = self.seal(buffer, HEAD, end)
        return bytes(buffer[start:end])

    def prove(self) -> bytes:
        """Return the proof (17 bytes) that this side knows the keys, made of the peer's challenge."""
        guard = self.guard
        return self.cipher.proof(guard.title, guard.next_counter(), self.theirs)

    def proves(self, proof: bytes) -> bool:
        """Tell whether a proof of the peer was made of our challenge.

        Its counter is one more that the peer has used; some peers use it for the APDU around it as well.
        """
        if not self.cipher.proves(proof, self.peer, self.ours):
            return False
        try:
            self.guard.accept(counter_of(proof))
        except OSError:
            return False
        return True
