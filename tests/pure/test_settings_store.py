"""Settings on flash: defaults, broken copies, versions, values of another release."""

from check import raises
from keiki.meter import settings_store
from keiki.meter.settings_store import SettingsStore
from keiki.wire import settings as table
from ring import RingLog

SIZE = 512


def stored(ring=None):
    ring = ring or RingLog(SIZE, 4)
    return ring, SettingsStore(ring)


def test_what_was_saved_is_loaded_and_only_that():
    ring, store = stored()
    assert store.load() == {}
    values = table.checked({"digits": 8, "inf_mode": "infc", "coefficient": None})
    store.save(values)
    loaded = SettingsStore(ring).load()
    assert loaded == {"digits": 8, "inf_mode": "infc", "coefficient": None}
    assert table.checked(loaded) == values


def test_the_newest_copy_counts():
    ring, store = stored()
    for digits in (4, 5, 8, 7):
        store.save(table.checked({"digits": digits}))
    assert SettingsStore(ring).load() == {"digits": 7}


def test_a_broken_copy_is_passed_over_for_the_one_before():
    ring, store = stored()
    store.save(table.checked({"digits": 4}))
    for junk in (b"\xff" * SIZE, b'\x05\x00{"v":' + bytes(SIZE - 7), b"\x02\x00[]" + bytes(SIZE - 4)):
        ring.append(junk)
        again = SettingsStore(ring)
        assert again.load() == {"digits": 4} and again.dropped > 0


def test_values_of_another_release_are_left_out_and_the_rest_holds():
    ring, store = stored()
    text = b'{"v": 1, "s": {"digits": 8, "colour": 3, "unit": 99}}'
    ring.append(bytes((len(text), 0)) + text + b"\xff" * (SIZE - 2 - len(text)))
    assert store.load() == {"digits": 8}
    assert store.dropped == 2


def test_settings_of_an_older_version_are_carried_over():
    ring, store = stored()
    text = b'{"v": 1, "s": {"figures": 8}}'
    ring.append(bytes((len(text), 0)) + text + b"\xff" * (SIZE - 2 - len(text)))
    migrations = settings_store.MIGRATIONS
    settings_store.MIGRATIONS = (lambda values: {"digits": values["figures"]},)
    try:
        assert store.load() == {"digits": 8}
    finally:
        settings_store.MIGRATIONS = migrations


def test_settings_that_do_not_fit_are_refused_whole():
    ring = RingLog(32, 4)
    small = SettingsStore(ring)
    raises(ValueError, small.save, table.checked({"serial": "123456789012", "digits": 8}))
    assert ring.end == 0


def test_every_setting_changed_at_once_fits_a_record_of_1344_bytes():
    values = {}
    for name, full_kind, default, limits, _ in table.fields():
        kind = full_kind.rstrip("?")
        if kind == "int":
            values[name] = limits[1]
        elif kind == "choice":
            values[name] = limits[0] if limits[-1] == default else limits[-1]
        elif kind == "bool":
            values[name] = not default
        elif kind == "date":
            values[name] = "2026-11-22"
        elif kind == "names":
            values[name] = " ".join(["n" * 64] * limits[1])
        else:
            values[name] = "A" * (2 * limits[0] if kind == "hex" else limits[1])
    ring = RingLog(1344, 1)
    SettingsStore(ring).save(table.checked(values))
    assert table.checked(SettingsStore(ring).load()) == table.checked(values)
