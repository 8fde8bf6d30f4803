"""What the tools say of events: of every kind that the firmware has, with its own numbers."""

import pytest
from keiki.drivers import metering
from keiki.meter import broute, clock, eventlog, store, supervisor
from keiki.wire import settings
from keiki_host import device_network
from keiki_host import device_words as words
from keiki_host.device_words import Event, event_row

T_S = 1_781_149_200  # 2026-06-11 12:40:00 JST
T_MS = T_S * 1000
SINCE = "last reading: 2026-06-11 12:40:00.000"
SEVEN = "7 times since the event before"


def row(kind: str, source: int = 0, before: int = 0, after: int = 0) -> tuple[str, ...]:
    """What is shown of an event, without its time and count."""
    shown = event_row(Event(1, T_S, kind, source, 3, before, after))
    assert shown[0] == "2026-06-11 12:40:00" and shown[3] == "3"
    return shown[1], shown[2], shown[4]


def test_every_kind_of_the_firmware_has_words() -> None:
    assert set(words.KINDS) == set(eventlog.NAMES) - {""}
    assert device_network.EVENT_NAMES == eventlog.NAMES


def test_the_words_of_sources_are_at_the_firmwares_numbers() -> None:
    assert words.CAUSES[supervisor.POWERED] == "power came"
    assert words.CAUSES[supervisor.WATCHDOG] == "watchdog"
    assert words.CAUSES[supervisor.CRASHED] == "crash"
    assert words.CAUSES[supervisor.COMMANDED] == "restart as asked"
    assert words.CLOCK_SOURCES[clock.RTC] == "clock chip"
    assert words.CLOCK_SOURCES[clock.SNTP] == "SNTP"
    assert words.CLOCK_SOURCES[clock.HEADEND] == "head-end"
    assert words.CLOCK_SOURCES[clock.HOST] == "host tool"
    assert words.SESSION_ENDS == broute.LEAVE_REASONS
    assert {number: words.LOGS[number] for number in store.NAMES} == store.NAMES


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (("power_up", 0, T_S, 0), ("meter started", "power came", "newest on flash: 2026-06-11 12:40:00")),
        (("power_up", 3, 0, 0), ("meter started", "restart as asked", "nothing on flash")),
        (("power_up", 9, 0, 0), ("meter started", "source 9", "nothing on flash")),
        (("power_down", 0, 0, 0), ("power went", "", "")),
        (
            ("clock_set", 4, T_MS, T_MS - 61_500),
            ("clock set", "host tool", "2026-06-11 12:40:00.000 -> 2026-06-11 12:38:58.500 (-61.500 s)"),
        ),
        (
            ("clock_refused", 2, T_MS, T_MS + 3_600_000),
            ("time refused", "SNTP", "2026-06-11 12:40:00.000 -> 2026-06-11 13:40:00.000 (+3,600.000 s)"),
        ),
        (("clock_refused", 2, T_MS, 12), ("time refused", "SNTP", "12 times since the event before")),
        (("clock_unsure", 0, T_MS, 0), ("clock unsure", "", "assumes 2026-06-11 12:40:00.000")),
        (("setting_changed", settings.number("unit"), 0, 0), ("setting changed", "unit", "")),
        (("setting_changed", 200, 0, 0), ("setting changed", "setting 200", "")),
        (("register_set", 0, 1_234_567, 2000), ("register set", "import", "1,234.567 Wh -> 2.000 Wh")),
        (("register_set", 1, 0, 1000), ("register set", "export", "0.000 Wh -> 1.000 Wh")),
        (("session_ended", 5, 0, 0), ("B-route session ended", "expired", "")),
        (("authentication_failed", 0, 0, 7), ("B-route authentication failed", "", SEVEN)),
        (("increment_refused", 0, 5, 99), ("energy refused as impossible", "", "counter 5 -> 99")),
        (("flash_lost", 2, 480, 3), ("flash lost", "half-hours", "3 from number 480 on")),
        (("flash_lost", 0, 17, 1), ("flash lost", "block", "block 17")),
        (("watchdog", 2, 0, 0), ("a service hangs", "service 2", "")),
        (("route_a_session", 1, 0, 0), ("A-route session", "management", "")),
        (("route_a_refused", 7, 0, 7), ("A-route: client refused", "client 7", SEVEN)),
        (("disconnected", 1, 1, 0), ("supply disconnected", "head-end", "")),
        (("relay_fault", 2, 0, 0), ("relay does not follow", "moved by itself", "")),
        (("limit_exceeded", 0, 61_240, 0), ("contract ampere exceeded", "", "61.2 A")),
        (("push_failed", 0, 1200, 7), ("A-route: not delivered", "values", f"1,200 wait; {SEVEN}")),
        (("ic_silent", 0, T_MS, T_MS + 1000), ("metering IC does not answer", "begins", SINCE)),
        (("ic_silent", 1, T_MS, T_MS + 61_000), ("metering IC does not answer", "ends", "for 61 s")),
        (("ic_silent", 1, T_MS, 7), ("metering IC does not answer", "ends", SEVEN)),
        (("invented", 4, 1, 2), ("invented", "4", "1 -> 2")),
    ],
)  # fmt: skip
def test_an_event_in_words(event: tuple[str, int, int, int], shown: tuple[str, ...]) -> None:
    assert row(*event) == shown


@pytest.mark.parametrize("before", [-(1 << 63), 1 << 62, -1])
def test_a_time_that_cannot_be_is_shown_as_a_number(before: int) -> None:
    assert row("clock_unsure", 0, before)[2].startswith("assumes ")


def test_energies_are_exact() -> None:
    assert words.kwh(1) == "0.000001 kWh"
    assert words.kwh(99_999_999_999_999) == "99999999.999999 kWh"
    assert words.kwh(-1_500_000) == "-1.500000 kWh"


@pytest.mark.parametrize(
    ("faults", "shown"),
    [
        (None, "not yet"),
        ([], "found nothing"),
        (
            ["r_settings", "t_voltage"],
            "R: does not hold its settings; T: no voltage, or one that cannot be",
        ),
        (["t_invented"], "T: invented"),
    ],
)
def test_a_self_check_in_words(faults: list[str] | None, shown: str) -> None:
    assert words.status_rows({"ic_faults": faults}) == [("its self-check", shown)]


def test_words_for_every_fault_that_a_driver_names() -> None:
    named = {value[1:] for name, value in vars(metering).items() if name.startswith("FAULT_")}
    assert named == set(words.IC_FAULTS)
