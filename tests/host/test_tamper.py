"""The faults done to ECHONET frames in flight, on whole frames."""

from typing import Any

import pytest
from keiki.wire.echonet import frame
from keiki_host.bench.clock import ManualScheduler
from keiki_host.bench.faults import Faults
from keiki_host.bench.faults_catalogue import CATALOGUE, FRAMES
from keiki_host.bench.wisun.air import Air, Datagram
from keiki_host.bench.wisun.tamper import Tamper

METER = bytes.fromhex("001D129100000001")
DONGLE = bytes.fromhex("001D129100000002")

GET_E7 = "1081 0007 05FF01 028801 62 01 E700"
POWER = "1081 0007 028801 05FF01 72 01 E704 000001F8"
TWO = "1081 0007 028801 05FF01 72 02 E704 000001F8 E101 01"
DATE = "07EA0B170C0000"
PUSH = f"1081 0100 028801 05FF01 73 02 EA0B {DATE}000003E8 EB0B {DATE}00000002"
INSTANCES = "1081 8007 0EF001 0EF001 73 01 D504 01028801"
SET_RES = "1081 0007 028801 05FF01 71 01 E500"
SNA = "1081 0007 028801 05FF01 52 02 D300 E704 000001F8"


def up(text: str, **fields: Any) -> Datagram:
    """A frame on its way to the controller."""
    data = bytes.fromhex(text)
    return Datagram(METER, DONGLE, 3610, 3610, True, data, False, 20, **fields)


def down(text: str) -> Datagram:
    """A frame on its way to the meter."""
    return Datagram(DONGLE, METER, 3610, 3610, True, bytes.fromhex(text), True, 20)


def hexes(*texts: str) -> list[str]:
    return [text.replace(" ", "").lower() for text in texts]


def changed(name: str, text: str, **params: Any) -> list[str]:
    """The frames that take the place of one from the meter while a fault is on."""
    faults = Faults()
    faults.enable(name, **params)
    return [datagram.data.hex() for datagram in Tamper(faults)(up(text))]


CASES: list[tuple[str, dict[str, Any], str, list[str]]] = [
    # fault, parameters, from the meter, to the controller
    ("no_answer", {}, POWER, []),
    ("no_answer", {}, SET_RES, []),
    ("no_answer", {}, PUSH, [PUSH]),
    ("late_answer", {}, POWER, [POWER]),
    ("duplicate_answer", {}, POWER, [POWER, POWER]),
    ("duplicate_answer", {}, PUSH, [PUSH]),
    ("old_tid", {}, POWER, ["1081 0006 028801 05FF01 72 01 E704 000001F8"]),
    ("wrong_seoj", {}, POWER, ["1081 0007 028802 05FF01 72 01 E704 000001F8"]),
    ("wrong_seoj", {"seoj": 0x0EF001}, SET_RES, ["1081 0007 0EF001 05FF01 71 01 E500"]),
    ("opc_mismatch", {}, POWER, ["1081 0007 028801 05FF01 72 02 E704 000001F8 E704 000001F8"]),
    ("opc_mismatch", {"malformed": True}, POWER, ["1081 0007 028801 05FF01 72 02 E704 000001F8"]),
    ("epc_reordered", {}, TWO, ["1081 0007 028801 05FF01 72 02 E101 01 E704 000001F8"]),
    ("epc_reordered", {}, POWER, [POWER]),
    ("pdc_short", {}, POWER, ["1081 0007 028801 05FF01 72 01 E703 000001"]),
    ("pdc_short", {"bytes": 3}, TWO, ["1081 0007 028801 05FF01 72 02 E701 00 E100"]),
    ("pdc_short", {}, SET_RES, [SET_RES]),
    ("pdc_short", {}, PUSH, [PUSH]),
    ("pdc_zero", {}, TWO, ["1081 0007 028801 05FF01 72 02 E700 E100"]),
    ("pdc_zero", {}, SNA, [SNA]),
    ("unit_undefined", {}, TWO, ["1081 0007 028801 05FF01 72 02 E704 000001F8 E101 05"]),
    ("unit_undefined", {"code": 0xFF}, POWER, [POWER]),
    ("no_data", {}, POWER, ["1081 0007 028801 05FF01 72 01 E704 7FFFFFFE"]),
    ("no_data", {}, SNA, ["1081 0007 028801 05FF01 52 02 D300 E704 7FFFFFFE"]),
    ("no_data", {"epcs": [0xE0]}, POWER, [POWER]),
    (
        "no_data",
        {"epcs": [0xE0, 0xE3, 0xE8]},
        "1081 0007 028801 05FF01 72 04 E004 00000001 E304 00000002 E704 00000003 E804 000A 000B",
        [
            "1081 0007 028801 05FF01 72 04 E004 FFFFFFFE E304 FFFFFFFE E704 00000003 E804 7FFE 7FFE",
        ],
    ),
    (
        "no_data",
        {},
        PUSH,
        [f"1081 0100 028801 05FF01 73 02 EA0B {DATE}FFFFFFFE EB0B {DATE}FFFFFFFE"],
    ),
    (
        "no_data",
        {},
        f"1081 0007 028801 05FF01 72 01 D00F {DATE}0000000100000002",
        [f"1081 0007 028801 05FF01 72 01 D00F {DATE}FFFFFFFEFFFFFFFE"],
    ),
    (
        "no_data",
        {},
        "1081 0007 028801 05FF01 72 02 E2C2 0001" + "00000001" * 48 + "E4C2 0001" + "00000002" * 48,
        ["1081 0007 028801 05FF01 72 02 E2C2 0001" + "FFFFFFFE" * 48 + "E4C2 0001" + "FFFFFFFE" * 48],
    ),
    (
        "no_data",
        {},
        "1081 0007 028801 05FF01 72 02 EC0F 07EA0B170C0001 0000000100000002"
        "EE17 07EA0B170C0002 00000001000000020000000300000004",
        [
            "1081 0007 028801 05FF01 72 02 EC0F 07EA0B170C0001 FFFFFFFEFFFFFFFE"
            "EE17 07EA0B170C0002 FFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFE"
        ],
    ),
    (
        "negative",
        {},
        "1081 0007 028801 05FF01 72 02 E704 000001F8 E804 0032 0014",
        ["1081 0007 028801 05FF01 72 02 E704 FFFFFDF4 E804 FFBA FFBA"],
    ),
    (
        "negative",
        {"current_a_x10": -1},
        "1081 0007 028801 05FF01 72 01 E804 0032 7FFE",
        ["1081 0007 028801 05FF01 72 01 E804 FFFF 7FFE"],
    ),
    ("inf_during_get", {}, POWER, [INSTANCES, POWER]),
    ("inf_during_get", {}, SET_RES, [SET_RES]),
]


@pytest.mark.parametrize(("name", "params", "text", "expected"), CASES)
def test_a_fault_changes_the_frames_it_fits(
    name: str, params: dict[str, Any], text: str, expected: list[str]
) -> None:
    assert changed(name, text, **params) == hexes(*expected)


def test_there_is_a_case_for_every_fault_of_frames() -> None:
    named = {name for name, *_ in CASES} | {"infc_unacked"}
    assert named == {name for name, kind in CATALOGUE.items() if kind.who == FRAMES}


@pytest.mark.parametrize("name", [name for name, kind in CATALOGUE.items() if kind.who == FRAMES])
def test_nothing_else_is_touched(name: str) -> None:
    faults = Faults()
    faults.enable(name)
    tamper = Tamper(faults, METER)
    pana = Datagram(METER, DONGLE, 716, 716, False, bytes.fromhex(POWER), False, 20)
    other_meter = Datagram(DONGLE, METER, 3610, 3610, True, bytes.fromhex(POWER), False, 20)
    for datagram in (
        pana,
        other_meter,
        up("1081 0007"),
        up("1082 0007 028801 05FF01 72 01 E700"),
        down(GET_E7),
    ):
        assert tamper(datagram) == [datagram]
    assert faults.struck == {}


def test_without_a_fault_every_frame_passes_unchanged() -> None:
    tamper = Tamper(Faults())
    for text in (POWER, TWO, PUSH, SET_RES, SNA):
        assert tamper(up(text)) == [up(text)]
        assert tamper(down(text)) == [down(text)]


def test_a_count_is_used_up_only_by_frames_that_change() -> None:
    faults = Faults()
    faults.enable("no_data", epcs=[0xE7], count=1)
    tamper = Tamper(faults)
    assert tamper(up(SET_RES)) == [up(SET_RES)]
    assert tamper(up(PUSH)) == [up(PUSH)]
    assert tamper(up(POWER)) != [up(POWER)]
    assert tamper(up(POWER)) == [up(POWER)]
    assert faults.struck == {"no_data": 1}


def test_a_late_answer_is_under_way_so_much_longer() -> None:
    faults = Faults()
    faults.enable("late_answer", seconds=12.5)
    assert [datagram.delay_ms for datagram in Tamper(faults)(up(POWER))] == [12_520]


def test_an_announcement_during_a_get_comes_before_its_answer() -> None:
    faults = Faults()
    faults.enable("inf_during_get")
    inf, answer = Tamper(faults)(up(POWER))
    assert inf.delay_ms < answer.delay_ms


def test_an_announcement_during_a_get_repeats_the_last_push() -> None:
    faults = Faults()
    faults.enable("inf_during_get")
    tamper = Tamper(faults)
    tamper(up(PUSH))
    inf, _ = tamper(up(POWER))
    sent, pushed = frame.decode(inf.data), frame.decode(bytes.fromhex(PUSH))
    assert (sent.esv, sent.seoj, sent.deoj, sent.props) == (0x73, 0x028801, 0x05FF01, pushed.props)
    assert sent.tid != frame.decode(bytes.fromhex(POWER)).tid


def test_an_old_tid_is_that_of_the_request_before() -> None:
    faults = Faults()
    faults.enable("old_tid")
    tamper = Tamper(faults)
    tamper(down("1081 1234 05FF01 028801 62 01 E000"))
    for _ in range(2):
        tamper(down(GET_E7))
        (answer,) = tamper(up(POWER))
        assert frame.decode(answer.data).tid == 0x1234


def test_the_confirmation_of_an_announcement_is_lost() -> None:
    faults = Faults()
    confirmation = down("1081 0100 05FF01 028801 7A 02 EA00 EB00")
    tamper = Tamper(faults)
    assert tamper(confirmation) == [confirmation]
    faults.enable("infc_unacked")
    assert tamper(confirmation) == []
    assert tamper(down(GET_E7)) == [down(GET_E7)]


def test_a_setget_answer_can_be_lost_or_relabelled_but_keeps_both_lists() -> None:
    text = "1081 0007 028801 05FF01 7E 01 E500 01 E704 000001F8"
    assert changed("no_answer", text) == []
    assert changed("opc_mismatch", text) == hexes(text)
    assert changed("wrong_seoj", text) == hexes("1081 0007 028802 05FF01 7E 01 E500 01 E704 000001F8")


def test_on_the_air_the_controller_receives_what_the_fault_made_of_it() -> None:
    scheduler = ManualScheduler()
    faults = Faults(1, scheduler)
    air = Air(seed=1, faults=faults)
    meter, dongle = air.radio(scheduler, METER), air.radio(scheduler, DONGLE)
    meter.coordinator = True
    meter.pan_id = dongle.pan_id = 0x8888
    air.filters.append(Tamper(faults, METER))
    received: list[tuple[int, str]] = []
    dongle.on_datagram = lambda datagram: received.append((scheduler.now_ms, datagram.data.hex()))
    faults.enable("late_answer", seconds=2, for_s=1)
    faults.enable("pdc_zero", for_s=1)
    meter.send(DONGLE, 3610, 3610, bytes.fromhex(POWER), secured=False)
    scheduler.advance(5_000)
    meter.send(DONGLE, 3610, 3610, bytes.fromhex(POWER), secured=False)
    scheduler.advance(5_000)
    assert received == [
        (2_020, *hexes("1081 0007 028801 05FF01 72 01 E700")),
        (5_020, *hexes(POWER)),
    ]
