"""Settings in use: changes are all or none and on flash first; a reset leaves what the meter is."""

from check import raises
from keiki.meter.config import Settings
from keiki.meter.settings_store import SettingsStore
from keiki.wire import settings as table
from ring import RingLog


def desk(**provisioned):
    ring = RingLog(1344, 6)
    settings = Settings(SettingsStore(ring), provisioned)
    settings.keep()
    return ring, settings


def test_what_a_start_brings_along_is_kept():
    ring, settings = desk(digits=8, serial="A1")
    again = Settings(SettingsStore(ring))
    assert (again.digits, again.serial) == (8, "A1") == (settings.digits, settings.serial)
    assert ring.end == 2  # two copies
    same = Settings(SettingsStore(ring), {"digits": 8})
    same.keep()
    assert ring.end == 2 and same.brought == []  # nothing new: nothing written
    assert Settings(SettingsStore(ring), {"digits": 7, "serial": "A1"}).brought == ["digits"]


def test_changes_are_all_or_none():
    ring, settings = desk()
    heard = []
    settings.on_change = heard.append
    settings.on_changed = heard.append
    assert settings.change({"digits": 7, "phases": 1, "unit": 1}) == {
        "digits": True,
        "phases": False,
        "unit": True,
    }
    assert heard in (["digits", "phases", True], ["phases", "digits", True])
    raises(table.SettingError, settings.change, {"digits": 5, "unit": 99})
    assert settings.digits == 7 and ring.end == 2
    assert Settings(SettingsStore(ring)).digits == 7


def test_what_must_not_change_does_not():
    ring, settings = desk()

    def refuse(_name):
        raise OSError(5)

    settings.on_change = refuse  # the event could not be written
    raises(OSError, settings.change, {"digits": 7})
    assert settings.digits == 6 and ring.end == 0


def test_what_flash_refuses_does_not_hold():
    ring, settings = desk()

    def refuse(_data):
        raise OSError(28)

    ring.append = refuse
    raises(OSError, settings.change, {"digits": 7})
    assert settings.digits == 6


def test_a_factory_reset_leaves_what_the_meter_is():
    ring, settings = desk(serial="A1", rating_a=30, digits=8, sntp_servers="x y", route_b_id="A" * 32)
    settings.reset()
    assert settings.digits == 8  # until the next start
    again = Settings(SettingsStore(ring))
    assert (again.digits, again.sntp_servers) == (6, "")
    assert (again.serial, again.rating_a, again.route_b_id) == ("A1", 30, "A" * 32)


def test_secrets_are_not_shown():
    _, settings = desk(route_b_password="ABCDEFGHIJKL")
    assert "ABCDEFGHIJKL" not in repr(settings.shown()) and "route_b_id" not in settings.shown()
