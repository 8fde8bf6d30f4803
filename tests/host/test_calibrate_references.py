"""Reference instruments: what they show is read, with its limits; what is gone is connected once more."""

import asyncio
from pathlib import Path

import pytest
from keiki_host.calibrate.errors import CalibrateError
from keiki_host.calibrate.reference import Limits, Sample
from keiki_host.calibrate.reference_manual import ManualReference, half_step
from keiki_host.calibrate.reference_pzem import PzemReference
from keiki_host.calibrate.reference_urls import make_reference
from keiki_host.device import UrlError

from tests.host.fake_instruments import Pzem, Wt310

YAML = Path(__file__).with_name("wt310.yaml")


async def nobody(question: str) -> str:
    raise AssertionError(question)


def window(reference, samples: int = 3):
    """Open it, watch it for a window; returns its name, what it showed, and its mean."""

    async def run():
        try:
            name = await reference.open()
            await reference.begin()
            shown = [await reference.read() for _ in range(samples)]
            return name, shown, await reference.end()
        finally:
            await reference.close()

    return asyncio.run(run())


# -- Yokogawa --------------------------------------------------------------------------------------------


def test_pyvisa_reads_a_wt310_with_the_limits_of_its_data_sheet() -> None:
    name, shown, mean = window(make_reference(f"visa://ASRL1::INSTR?backend={YAML}@sim", nobody))
    assert name == "YOKOGAWA WT310 C2PK07014V"
    sample = shown[0]
    assert (sample.v, sample.i, sample.p, sample.f) == (101.23, 9.8765, 999.81, 50.001)
    # 0.1 % of the reading and of the range of 150 V x 10 A, 0.2 % of S
    assert sample.limits == Limits(0.001, 0.001, 0.001, 0.15, 0.01, 1.5, angle_rad=0.002)
    assert mean is None, "5.56 Wh is no better than 0.1 %"


def test_the_integrator_gives_the_mean_power_of_the_window() -> None:
    played = Wt310()
    with played.serve() as url:
        name, _, mean = window(make_reference(url, nobody))
    assert name == "YOKOGAWA WT310E C3QA12345E"
    assert mean is not None
    assert mean.p == pytest.approx(5.5545 * 3600 / 20)
    assert (mean.v, mean.i) == pytest.approx((101.23, 9.8765))
    assert mean.limits.p == pytest.approx(0.0005 * 150 * 10) and mean.limits.angle_rad == 0.001
    used = [told for told in played.told if told.startswith(":INTEG") and "MODE" not in told]
    assert used == [":INTEG:RES", ":INTEG:STAR", ":INTEG:STOP", ":INTEG:RES"]


def test_at_crest_factor_6_the_range_counts_twice() -> None:
    played = Wt310()
    played.crest_factor = "6"
    with played.serve() as url:
        _, shown, _ = window(make_reference(url, nobody))
    assert shown[0].limits.p == pytest.approx(2 * 0.0005 * 150 * 10)


def test_a_lost_connection_is_made_anew_once_and_the_integrator_not_trusted() -> None:
    played = Wt310()
    played.hang_up = 1
    with played.serve() as url:
        _, shown, mean = window(make_reference(f"{url}?timeout=0.3", nobody))
    assert len(shown) == 3 and played.told.count("*IDN?") == 2
    assert mean is None


def test_a_reference_that_is_gone_is_told_in_one_line() -> None:
    played = Wt310()
    played.hang_up = 2
    with (
        played.serve() as url,
        pytest.raises(CalibrateError, match=r"^reference: TCPIP::127\.0\.0\.1::\d+::SOCKET: \w.*$"),
    ):
        window(make_reference(f"{url}?timeout=0.3", nobody))


def test_a_reference_that_was_never_there_is_told_in_one_line() -> None:
    with pytest.raises(
        CalibrateError, match=r"^reference: TCPIP::127\.0\.0\.1::1::SOCKET: Connection refused$"
    ):
        window(make_reference("visa://TCPIP::127.0.0.1::1::SOCKET", nobody))


@pytest.mark.parametrize("shown", ["NAN", "INF", "ERROR"])
def test_what_is_no_value_is_told(shown: str) -> None:
    played = Wt310()
    played.p = shown
    with (
        played.serve() as url,
        pytest.raises(CalibrateError, match="it shows no value: nothing is connected"),
    ):
        window(make_reference(url, nobody))


def test_another_instrument_is_refused() -> None:
    with (
        Wt310("HEWLETT-PACKARD,34401A,0,10-5-2").serve() as url,
        pytest.raises(CalibrateError, match="34401A, 0, 10-5-2': not of the WT310 family"),
    ):
        window(make_reference(url, nobody))


# -- PZEM ------------------------------------------------------------------------------------------------


def test_a_pzem_is_read() -> None:
    played = Pzem(7)
    played.registers[1:5] = [0x86A0, 0x0001, 0x4240, 0x000F]
    with played.serve() as port:
        name, shown, mean = window(make_reference(f"pzem://{port}?address=7", nobody))
    assert name == f"PZEM-004T v3 at {port}, address 7"
    sample = shown[0]
    assert (sample.v, sample.i, sample.p, sample.f, sample.q) == (101.2, 100.0, 100000.0, 50.0, None)
    assert sample.limits.p_rel == 0.005 and sample.limits.p == 0.05
    assert mean is None


def test_a_pzem_that_misses_requests_is_asked_again_on_a_new_connection() -> None:
    played = Pzem()
    with played.serve() as port:
        reference = PzemReference(port, timeout_s=0.1)
        asyncio.run(reference.open())
        played.silent = 3
        assert asyncio.run(reference.read()).v == 101.2
        asyncio.run(reference.close())


@pytest.mark.parametrize("error", [False, True], ids=["silent", "error"])
def test_a_pzem_that_is_gone_is_told_in_one_line(error: bool) -> None:
    played = Pzem()
    played.silent, played.error = 0 if error else 100, error
    with (
        played.serve() as port,
        pytest.raises(
            CalibrateError, match=rf"^reference: {port}: it (does not answer|answers with an error)$"
        ),
    ):
        window(PzemReference(port, timeout_s=0.1))


@pytest.mark.parametrize(
    ("place", "value", "text"),
    [
        (0, 0xFFFF, r"6553\.5 V, 50 Hz, power factor 1: no PZEM-004T says that"),
        (0, 0, "0 V"),
        (7, 5000, r"101\.2 V, 500 Hz"),
        (8, 0x8000, "power factor 327"),
    ],
)
def test_something_else_that_speaks_modbus_is_refused(place: int, value: int, text: str) -> None:
    played = Pzem()
    played.registers[place] = value
    with played.serve() as port, pytest.raises(CalibrateError, match=rf"^reference: {port}: .*{text}"):
        window(PzemReference(port, timeout_s=0.1))


def test_a_port_that_is_not_there_is_told_in_one_line() -> None:
    with pytest.raises(CalibrateError, match=r"^reference: /dev/nothing: it cannot be opened$"):
        window(PzemReference("/dev/nothing"))


# -- a person --------------------------------------------------------------------------------------------


def answering(*answers: str):
    """A person who says these things, one after the other."""
    left, asked = list(answers), []

    async def ask(question: str) -> str:
        asked.append(question)
        return left.pop(0)

    return ask, asked


def test_a_persons_digits_are_the_resolution() -> None:
    ask, asked = answering("101.2 9.870 998")
    name, shown, mean = window(make_reference("manual:?name=my%20meter&accuracy=0.2", ask))
    assert name == "my meter, ±0.2 %" and shown == [None] * 3 and len(asked) == 1
    assert mean == Sample(101.2, 9.87, 998.0, Limits(0.002, 0.002, 0.002, 0.05, 0.0005, 0.5, angle_rad=0.002))


def test_a_person_may_err_twice() -> None:
    ask, asked = answering("what?", "100 1", "100.0, 0, 0")
    assert window(make_reference("manual:", ask))[2].p == 0.0
    assert asked[1].startswith("Three numbers.")
    ask, _ = answering("", "a b c", "1e3 nan 5")
    with pytest.raises(CalibrateError, match="nobody says what it shows"):
        window(ManualReference(ask, "x", 0.01))


@pytest.mark.parametrize(("word", "half"), [("101.2", 0.05), ("998", 0.5), ("-0.250", 0.0005)])
def test_half_a_step_of_a_number(word: str, half: float) -> None:
    assert half_step(word) == pytest.approx(half)


# -- URLs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://x", "is none of visa://RESOURCE, pzem:///dev/PORT or manual:"),
        ("visa://wt310", "'wt310' is no VISA resource such as TCPIP::192.168.0.5::INSTR"),
        ("pzem://ttyUSB1", "pzem needs a port"),
        ("pzem:///dev/ttyUSB1?address=0", "address=0 is not a number from 1 to 247"),
        ("pzem:///dev/ttyUSB1?speed=9600", "pzem:// has no option speed; it has address"),
        ("manual:me", "takes only"),
        ("manual:?accuracy=good", "accuracy=good is not a number from 0.001 to 10"),
    ],
)
def test_a_url_that_names_nothing_is_told_what_is_wrong(url: str, text: str) -> None:
    with pytest.raises(UrlError, match=text.replace("?", r"\?")):
        make_reference(url, nobody)


def test_limits_are_told_as_people_write_them() -> None:
    limits = Limits(0.001, 0.001, 0.001, 0.15, 0.01, 1.5, angle_rad=0.002)
    assert str(limits) == "V ±(0.1 % + 0.15 V), I ±(0.1 % + 0.01 A), P ±(0.1 % + 1.5 W), angle 2 mrad"
    assert str(Limits(p_rel=0.005)) == "V ±0, I ±0, P ±0.5 %"
