"""What a meter does not take, and why; what runs stays as it is, and the slot is empty afterwards."""

import pytest
from keiki.meter import update, update_record
from keiki_host.update import bundle
from keiki_host.update.bundle import Bundle

from tests.powerloss.update_world import BLOCK, Meter, bundle_of, run


@pytest.fixture
def meter() -> Meter:
    found = Meter()
    found.boot()
    assert run(found.give(bundle_of("0.2.0"))) and found.boot() == "0.2.0"
    found.confirm()
    return found


def changed(whole: Bundle, at: int) -> Bundle:
    """The same with one bit changed, `at` from its end."""
    data = bytearray(whole.data)
    data[-at] ^= 1
    return Bundle(bytes(data), whole.id, whole.said, whole.files)


GOOD = bundle_of("0.3.0")
REFUSED = [
    (bundle_of("0.3.0", by=1), "its signature is not by the key"),
    (changed(GOOD, len(GOOD.data) - 200), "not the update that was announced"),
    (changed(GOOD, sum(GOOD.files.values()) + 9), "its signature is not by the key"),
    (changed(GOOD, 5), "keiki/wire/slots.mpy is not what was signed"),
    (bundle_of("0.3.0", board="unix_ade7953"), "it is for board unix_ade7953, and this is unix"),
    (bundle_of("0.1.9"), "0.1.9 is older than 0.2.0, which runs"),
    (bundle_of("0.3.0", needs_keiki="0.2.5"), "it needs 0.2.5, and 0.2.0 runs"),
    (bundle_of("0.3.0", needs_micropython="1.29.0"), "it needs MicroPython 1.29.0"),
    (Bundle(b"PK\x03\x04" * 100, GOOD.id, {}, {}), "not an update"),
]


@pytest.mark.parametrize(("wrong", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_does_not_fit_is_refused_with_the_reason(meter: Meter, wrong: Bundle, reason: str) -> None:
    assert not run(meter.give(wrong))
    assert meter.update.state == update.REFUSED and reason in meter.update.reason
    assert meter.events.heard[-1] == update_record.TURNED_DOWN
    assert [path for path in meter.disk.files if path.startswith("b/")] == []
    assert meter.boot() == "0.2.0"
    assert run(meter.give(GOOD)) and meter.boot() == "0.3.0"


def test_an_older_version_is_taken_where_it_is_allowed(meter: Meter) -> None:
    assert run(meter.give(bundle_of("0.1.9"), older=True)) and meter.boot() == "0.1.9"
    meter.confirm()
    assert run(meter.give(bundle_of("0.1.5", older=True))) and meter.boot() == "0.1.5"


def test_nothing_is_written_beyond_the_head_before_its_signature_is_known(meter: Meter) -> None:
    wrong = bundle_of("0.3.0", by=1)
    stored = max(len(wrong.data) - sum(wrong.files.values()), 0)
    before = meter.disk.changes
    assert not run(meter.give(wrong))
    assert meter.disk.changes - before < stored // BLOCK + 20
    assert not any("app.mpy" in path for path in meter.disk.files if path.startswith("b/"))


def test_what_does_not_fit_is_refused_before_any_of_its_code_is_written(meter: Meter) -> None:
    code, folder = sum(GOOD.files.values()), 8192
    meter.reserved = meter.disk.free() - code - 3 * folder
    assert not run(meter.give(GOOD)) and "no room for it: it takes" in meter.update.reason
    assert meter.boot() == "0.2.0" and not any(path.startswith("b/") for path in meter.disk.files)
    meter.reserved = 0

    async def half() -> None:
        meter.update.begin(GOOD.id, len(GOOD.data))
        meter.update.write(0, GOOD.data[: -code // 2])
        await meter.update.settled()

    run(half())
    # what is there already, and its folders, are not asked for once more
    meter.reserved = meter.disk.free() - code * 3 // 4 - folder
    assert run(meter.give(GOOD)) and meter.boot() == "0.3.0"


def test_a_meter_without_a_key_takes_none_and_a_key_is_given_once(meter: Meter) -> None:
    key = meter.disk.files.pop(update.KEY_FILE)
    assert not run(meter.give(GOOD)) and "no key" in meter.update.reason
    for bad in (b"", key[1:], bytes(384)):
        with pytest.raises(update.BundleError, match="not a key"):
            meter.update.trust(bad)
    meter.update.trust(key)
    with pytest.raises(update.BundleError, match="has a key already"):
        meter.update.trust(key)
    assert run(meter.give(GOOD))


def test_a_version_on_trial_takes_no_update(meter: Meter) -> None:
    assert run(meter.give(GOOD)) and meter.boot() == "0.3.0"
    assert not run(meter.give(bundle_of("0.4.0"))) and "on trial" in meter.update.reason


def test_pieces_out_of_order_are_refused_and_known_ones_passed_over(meter: Meter) -> None:
    async def pieces() -> None:
        taker = meter.update
        taker.begin(GOOD.id, len(GOOD.data))
        with pytest.raises(update.BundleError, match="it goes on at 0"):
            taker.write(1, b"x")
        taker.write(0, GOOD.data[:100])
        taker.write(50, GOOD.data[50:150])
        taker.write(0, GOOD.data[:80])
        assert taker.offset == 150
        with pytest.raises(update.BundleError, match="not here yet"):
            taker.verify()
        with pytest.raises(update.BundleError, match="not verified"):
            taker.activate()

    run(pieces())


def test_another_bundle_begins_anew(meter: Meter) -> None:
    async def half() -> None:
        meter.update.begin(GOOD.id, len(GOOD.data))
        meter.update.write(0, GOOD.data[:900])
        await meter.update.settled()
        assert meter.update.offset == 900

    run(half())
    assert run(meter.give(bundle_of("0.4.0"))) and meter.boot() == "0.4.0"


def test_a_bundle_read_on_the_host_is_the_one_that_was_made() -> None:
    assert bundle.read(GOOD.data).id == GOOD.id


@pytest.mark.parametrize("times", [1, 100])
def test_a_heap_without_room_for_the_check_costs_an_attempt_and_never_the_meter(
    meter: Meter, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, real = [times], update.rsa_pss.verify

    def verify(*arguments: bytes) -> object:
        if left[0]:
            left[0] -= 1
            raise MemoryError
        return real(*arguments)

    monkeypatch.setattr(update.rsa_pss, "verify", verify)
    assert run(meter.give(GOOD)) is (times == 1)
    if times > 1:
        assert "no room" in meter.update.reason and meter.boot() == "0.2.0"
        left[0] = 0
        assert meter.disk.files["b/manifest"]
        assert run(meter.give(GOOD))
    assert meter.boot() == "0.3.0"
