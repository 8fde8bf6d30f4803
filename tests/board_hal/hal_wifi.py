"""hal/wifi: the network is kept up, whatever the radio does (MicroPython only, in virtual time)."""

import asyncio

import network
from keiki.hal.wifi import Wifi


class Over(Exception):
    pass


class Time:
    """Every wait passes at once."""

    def __init__(self, until_ms):
        self.now_ms = 0
        self.until_ms = until_ms

    async def sleep_ms(self, ms):
        self.now_ms += ms
        if self.now_ms > self.until_ms:
            raise Over

    def ticks_ms(self):
        return self.now_ms


def run(answers, until_ms, probe=None):
    import keiki.hal.wifi as module

    time = Time(until_ms)
    stuck = []
    network.told.clear()
    network.WLAN.answers = list(answers)

    async def quiet(ms):
        network.quiet.append(ms)

    wifi = Wifi("net", "secret", time.ticks_ms, lambda: stuck.append(time.now_ms), quiet)
    wifi.probe = probe
    real = module.asyncio
    gaps = [0, 0]  # when the last sign of life was, and the longest time without one

    class Faked:
        Event = asyncio.Event
        sleep_ms = time.sleep_ms

    def beat():
        gaps[1] = max(gaps[1], time.now_ms - gaps[0])
        gaps[0] = time.now_ms

    module.asyncio = Faked
    try:
        asyncio.run(wifi.run(beat))
    except Over:
        pass
    finally:
        module.asyncio = real
    return wifi, stuck, gaps[1]


def test_a_network_that_is_there_is_joined_once_without_power_saving():
    wifi, stuck, longest_ms = run([False, True], 600000)
    assert wifi.stats == {"joins": 1, "failed": 0, "deaf": 0, "radio_off": 0} and not stuck
    assert wifi.address == "192.0.2.7" and ("pm", 0) in network.told and ("country", "JP") in network.told
    assert longest_ms < 60000


def test_a_network_that_goes_is_joined_again():
    wifi, _, _ = run([True] * 10 + [False] * 10 + [True], 600000)
    assert wifi.stats["joins"] == 2 and wifi.joins == 2


def test_a_radio_that_never_joins_is_switched_off_and_on_and_then_the_meter_begins_anew():
    wifi, stuck, longest_ms = run([False], 7 * 3600000)
    assert wifi.stats["joins"] == 0 and wifi.stats["radio_off"] > 50 and wifi.address is None
    assert stuck and 6 * 3600000 <= stuck[0] < 6.1 * 3600000
    assert longest_ms < 120000


def test_a_radio_that_is_deaf_is_found_out_by_who_has_answered_before():
    answers = [True, True] + [False] * 100

    async def probe(server):
        assert server == "192.0.2.53"
        return answers.pop(0)

    wifi, _, _ = run([True], 600000, probe)
    assert wifi.stats["deaf"] == 1 and wifi.stats["joins"] == 2


def test_a_name_server_that_never_answers_says_nothing_of_the_radio():
    async def probe(_server):
        return False

    wifi, _, _ = run([True], 3600000, probe)
    assert wifi.stats["deaf"] == 0 and wifi.stats["joins"] == 1
