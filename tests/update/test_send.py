"""A meter that goes away in the middle of an update: the host goes on, or gives up and says so."""

import pytest
from keiki_host.update.bundle import Bundle
from keiki_host.update.errors import UpdateError, UpdateGoneError
from keiki_host.update.send import PAUSES_S, send

WANTED = Bundle(bytes(range(100)), b"i" * 32, {"version": "0.2.0"}, {})


class Played:
    """A meter that is gone in the calls with numbers in `gone`; `heard`: after it has carried them out."""

    piece = 10

    def __init__(self, *gone: int, heard: bool = False, version: str = "0.1.0") -> None:
        self.gone, self.heard = set(gone), heard
        self.calls: list[str] = []
        self.version = version
        self.taken = b""
        self.state = "idle"

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) in self.gone and not self.heard:
            raise UpdateGoneError("meter: gone")

    def _answer(self) -> None:
        if len(self.calls) in self.gone:
            raise UpdateGoneError("meter: gone")

    def again(self) -> None:
        self._call("again")

    def runs(self) -> str:
        self._call("runs")
        return self.version

    def begin(self, bundle: Bundle, older: bool) -> int:
        self._call("begin")
        if self.state == "activated":
            raise UpdateError("busy")
        self._answer()
        return len(self.taken)

    def data(self, offset: int, piece: bytes) -> int:
        self._call("data")
        assert offset == len(self.taken)
        self.taken += piece
        self._answer()
        return len(self.taken)

    def verify(self) -> None:
        self._call("verify")
        assert self.taken == WANTED.data
        self._answer()

    def activate(self) -> None:
        self._call("activate")
        self.state = "activated"
        self._answer()

    def is_activated(self) -> bool:
        self._call("is_activated")
        return self.state == "activated"


def give(meter: Played) -> tuple[list[str], list[float]]:
    """The reasons that were told, and the pauses that were made."""
    told: list[str] = []
    paused: list[float] = []
    send(meter, WANTED, older=False, progress=lambda _: None, lost=told.append, pause=paused.append)
    return told, paused


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("call", range(2, 15))
def test_a_connection_that_is_lost_at_any_call_is_made_anew_and_nothing_is_sent_twice(
    call: int, heard: bool
) -> None:
    meter = Played(call, heard=heard)
    told, paused = give(meter)
    assert told == ["meter: gone"] and paused == [PAUSES_S[0]]
    assert meter.taken == WANTED.data and meter.state == "activated"
    assert meter.calls.count("data") == 10 + (not heard and 3 <= call <= 12)
    assert meter.calls.count("activate") == (1 if heard or call < 14 else 2)


def test_a_meter_that_has_started_the_new_version_meanwhile_is_not_asked_again() -> None:
    class Restarting(Played):
        def activate(self) -> None:
            self.calls.append("activate")
            self.version = "0.2.0"
            raise UpdateGoneError("meter: gone")

    meter = Restarting()
    give(meter)
    assert meter.calls[-4:] == ["activate", "again", "is_activated", "runs"]


def test_attempts_that_get_nowhere_end_and_those_that_get_on_do_not() -> None:
    with pytest.raises(UpdateGoneError, match="gone"):
        give(Played(*range(2, 100)))
    meter = Played(*range(4, 60, 4))  # one piece, then it is gone while it begins again
    meter.piece = 5
    told, paused = give(meter)
    assert len(told) > len(PAUSES_S) and max(paused) <= PAUSES_S[1] and meter.taken == WANTED.data


def test_a_meter_that_is_not_there_at_all_is_told_at_once() -> None:
    meter = Played(1)
    with pytest.raises(UpdateGoneError):
        give(meter)
    assert meter.calls == ["runs"]
