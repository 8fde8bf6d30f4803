"""The table of settings: defaults hold, and each kind refuses what it should with one line."""

from check import raises
from keiki.wire import settings as table

WRONG = (
    ("profile", "gen3", "profile: not one of gen1, gen2"),
    ("unit", 5, "unit: not one of 0, 1, 2, 3, 4, 10, 11, 12, 13"),
    ("unit", True, "unit: not one of 0, 1, 2, 3, 4, 10, 11, 12, 13"),
    ("digits", 0, "digits: not in 1..8"),
    ("digits", 9, "digits: not in 1..8"),
    ("digits", "6", "digits: not a whole number"),
    ("digits", None, "digits: not a whole number"),
    ("coefficient", 1000000, "coefficient: not in 0..999999"),
    ("push_ea", 1, "push_ea: not true or false"),
    ("serial", "", "serial: not 1 to 12 characters"),
    ("serial", "1234567890123", "serial: not 1 to 12 characters"),
    ("serial", "A B", "serial: not printable ASCII without spaces"),
    ("maker", "00001", "maker: not 3 bytes in hex"),
    ("maker", "00001G", "maker: not 3 bytes in hex"),
    ("production", "2026-13-01", "production: no such day"),
    ("production", "soon", "production: not a date YYYY-MM-DD"),
    ("channel", 34, "channel: not odd: some clients' modules cannot tune it"),
    ("channel", 61, "channel: not in 33..59"),
    ("route_b_id", "0" * 31, "route_b_id: not 32 characters"),
    ("route_b_id", "g" * 32, "route_b_id: not upper-case hex digits"),
    ("route_b_password", "short", "route_b_password: not 12 characters"),
    ("sntp_servers", "a b c d e", "sntp_servers: more than 4"),
    ("sntp_servers", "a " + "b" * 65, "sntp_servers: not names of up to 64 printable ASCII characters"),
    ("sntp_servers", "a:1 b:soon", "sntp_servers: not a port from 1 to 65535 behind the name"),
    ("push_to", "headend:65536", "push_to: not a port from 1 to 65535 behind the name"),
    ("push_to", "[2001:db8::1]:0", "push_to: not a port from 1 to 65535 behind the name"),
    ("sntp_servers", None, "sntp_servers: not a text"),
    ("checkpoint_s", 0, "checkpoint_s: not in 1..3600"),
    ("colour", 1, "colour: no such setting"),
    ("", 1, ": no such setting"),
    ("serial ascii", "X", "serial ascii: no such setting"),
)


def test_names_and_numbers_are_those_of_the_table():
    names = [field[0] for field in table.fields()]
    assert list(table.names()) == names
    assert [table.number(name) for name in names] == list(range(len(names)))
    assert raises(table.SettingError, table.number, "colour")


def test_the_defaults_pass_their_own_checks():
    settings = table.checked({})
    for name in settings:
        if settings[name] is not None:
            assert table.check(name, settings[name]) == settings[name], name


def test_what_cannot_be_is_refused_with_field_and_reason():
    for name, value, text in WRONG:
        assert str(raises(table.SettingError, table.check, name, value)) == text, (name, value)


def test_no_error_repeats_a_secret():
    for value in ("SECRET-SECRET-SECRET", "0123456789A\n"):
        assert value not in str(raises(table.SettingError, table.check, "route_b_password", value))


def test_absent_is_none_where_it_may_be():
    assert table.check("coefficient", "absent") is None
    assert table.check("coefficient", None) is None
    assert table.check("production", "2026-11-22") == "2026-11-22"


def test_every_setting_says_when_a_change_holds():
    for field in table.fields():
        assert table.when(field[0]) in (table.LIVE, table.BOOT, table.SECRET)
    raises(table.SettingError, table.when, "colour")
