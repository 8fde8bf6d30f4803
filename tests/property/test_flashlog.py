"""Whatever is appended, cut and broken, the flash log agrees with a dictionary."""

from hypothesis import given, settings
from hypothesis import strategies as st
from keiki.drivers import flashlog_header as header
from keiki.drivers import flashlog_pool
from keiki.drivers.flashlog import Flash, Log
from nor import AFTER, BEFORE, ERASE_FAILS, INSIDE, PROGRAM_FAILS, STUCK_AT_0, STUCK_AT_1, Nor

SIZES = {1: (12, 2, "fast"), 2: (21, 3, "slow"), 3: (100, 2, "slow"), 4: (300, 2, "fast")}
flashlog_pool._MARGIN = 1  # resting data is moved all the time, not once in months
STEPS = st.one_of(
    st.tuples(st.just("append"), st.sampled_from(list(SIZES)), st.integers(1, 40)),
    st.tuples(st.just("cut"), st.integers(0, 60), st.sampled_from([BEFORE, INSIDE, AFTER])),
    st.tuples(st.just("boot"), st.just(0), st.just(0)),
)
FAULTS = st.dictionaries(
    st.integers(0, 15), st.sampled_from([ERASE_FAILS, PROGRAM_FAILS, STUCK_AT_0, STUCK_AT_1]), max_size=3
)


class Model:
    """The logs, and beside them what was appended: {sequence: payload} for each."""

    def __init__(self, nor: Nor) -> None:
        self.sure: dict[int, dict[int, bytes]] = {kind: {} for kind in SIZES}
        self.begun: dict[int, bytes] = {}
        self.number = 0
        self.boot(nor)

    def boot(self, nor: Nor) -> None:
        """Start on a device, with everything that is sure still there."""
        self.nor = nor
        flash = Flash(nor, nor.page)
        self.logs = {kind: Log(flash, kind, *of) for kind, of in SIZES.items()}
        self.check()

    def append(self, kind: int, count: int) -> None:
        """Append `count` records, all different."""
        for _ in range(count):
            self.number += 1
            payload = self.number.to_bytes(4, "little") * (SIZES[kind][0] // 4 - 1)
            self.begun = {kind: payload}
            self.sure[kind][self.logs[kind].append(payload)] = payload
            self.begun = {}

    def check(self) -> None:
        """Compare; a record that was being written may have made it."""
        for kind, log in self.logs.items():
            sure = self.sure[kind]
            buffer = bytearray(SIZES[kind][0] // 4 * 4 - 4)
            found = {s: bytes(buffer) for s in range(log.oldest, log.end) if log.read_into(s, buffer)}
            for sequence in set(found) - set(sure):
                assert self.begun.get(kind) == found[sequence], (kind, sequence)
                sure[sequence] = found[sequence]
            assert found == {s: sure[s] for s in sure if s >= log.oldest}
            assert list(sure) == sorted(sure)
        self.begun = {}


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25), FAULTS, st.sampled_from([1, 256]), st.integers(0, 1000))
def test_the_logs_agree_with_a_dictionary(
    steps: list[tuple[str, int, int]], bad: dict[int, str], page: int, seed: int
) -> None:
    nor = Nor(16, 512, page, seed)
    nor.bad = bad
    model = Model(nor)
    for what, number, more in steps:
        if what == "append":
            try:
                model.append(number, more)
            except OSError:
                assert model.nor.dead
                nor = model.nor.reboot()
                model.boot(nor)
        elif what == "cut":
            model.nor.cut_at, model.nor.cut_how = model.nor.ops + number, more
        elif not model.nor.dead:
            model.nor.cut_at = -1
            model.boot(model.nor)
    if not model.nor.dead:
        model.nor.cut_at = -1
        model.check()
        model.boot(model.nor)


@given(st.binary(min_size=40, max_size=40))
def test_any_40_bytes_are_some_kind_of_header(data: bytes) -> None:
    assert header.parse_copy(data, 0) is None
    assert header.state_of(data) in (header.BLANK, header.RELEASED, header.BAD, header.BROKEN)
    assert -1 <= header.erases_of(data) <= 0xFFFFFF


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=600), st.integers(0, 16 * 512 - 600), st.integers(0, 120))
def test_whatever_is_overwritten_nothing_false_is_read(junk: bytes, at: int, count: int) -> None:
    nor = Nor(16, 512)
    log = Log(Flash(nor), 2, 21, 5)
    for n in range(count):
        log.append(n.to_bytes(4, "little") * 4)
    nor.image[at : at + len(junk)] = junk
    log = Log(Flash(nor), 2, 21, 5)
    buffer = bytearray(16)
    for _ in range(3):
        for sequence in range(log.oldest, min(log.end, count)):
            if log.read_into(sequence, buffer):
                assert buffer == sequence.to_bytes(4, "little") * 4
        sequence = log.append(b"new")
        assert log.read_into(sequence, memoryview(buffer)[:3])
        assert buffer[:3] == b"new"
        log = Log(Flash(nor), 2, 21, 5)
