"""`keiki bench` as a program: its ready line, what its options leave on disk, and nothing else left."""

import json
import os
import re
import shutil
import signal
import socket
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import serial
from keiki_host.bench.process import micropython
from keiki_host.bench.truth import read_truth
from keiki_host.bench.wisun.j11_codec import encode_request

from tests.bench_process import BenchProcess, until
from tests.conformance.desk import own_address

START = "2026-06-11T11:59:50+09:00"
START_S = 1781146790
LOAD = ("--load", "constant:1300W", "--start", START)


def processes(pid: int, *, parent: bool = True) -> list[int]:
    """Children of a process, or the process itself, zombies left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = path.read_text().split(" (", 1)
        except OSError:
            continue
        state, ppid = rest.rpartition(")")[2].split()[:2]
        if state != "Z" and pid == int(ppid if parent else number):
            found.append(int(number))
    return found


def bound(address: str) -> bool:
    """Whether any socket of this host has UDP port 3610 of an address."""
    own = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:0E1A"
    return own in Path("/proc/net/udp").read_text()


def ask(sock: socket.socket, esv: int, *props: tuple[int, bytes]) -> tuple[int, dict[int, bytes]]:
    """One request to the meter that `sock` is connected to: ESV and properties of its answer."""
    frame = bytes.fromhex("1081 0001 05FF01 028801") + bytes((esv, len(props)))
    frame += b"".join(bytes((epc, len(edt))) + edt for epc, edt in props)
    sock.send(frame)
    data = sock.recv(2048)
    found, at = {}, 12
    for _ in range(data[11]):
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return data[10], found


def temporary(folder: Path) -> dict[str, str]:
    """A temporary folder for the bench alone, so that what it leaves there shows."""
    (folder / "t").mkdir()
    return {"TMPDIR": str(folder / "t")}


def controller(address: str) -> socket.socket:
    """A controller with a port of its own, connected to a meter."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(30)
    sock.connect((address, 3610))
    return sock


def config(folder: Path) -> tuple[str, str]:
    """Settings with which the meter answers to any port."""
    path = folder / "meter.toml"
    path.write_text("answer_source_port = true\nunit = 3\ndigits = 8\n")
    return ("--config", str(path))


def speaks(port: str, said: bytes, answer: bytes) -> bool:
    """Whether a dongle answers on its serial port."""
    with serial.Serial(port, 115200, timeout=20) as line:
        line.write(said)
        return bool(line.read_until(answer).endswith(answer))


def nothing_left(bench: BenchProcess, firmware: list[int]) -> None:
    """No process, no socket, no temporary folder, no link."""
    for pid in firmware:
        until(lambda pid=pid: not processes(pid, parent=False), "the firmware ends")
    for meter in bench.ready.get("meters", ()):
        assert not bound(meter["route_b"]["udp4"].partition(":")[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_line_says_all_and_a_signal_ends_all(number: signal.Signals, tmp_path: Path) -> None:
    address, link = own_address(), tmp_path / "meter"
    link.symlink_to("/dev/null")
    options = (
        *LOAD,
        "--udp4",
        address,
        "--link",
        str(link),
        "--dialect",
        "bp35a1,j11",
        "--dialect",
        "bp35c2",
    )
    with BenchProcess(*options, *config(tmp_path), env=temporary(tmp_path)) as bench:
        ready = bench.ready
        [meter] = ready["meters"]
        route = meter["route_b"]
        assert ready.keys() == {"clock", "meters"}
        assert ready["clock"] == {"now": START, "speed": 1.0}
        assert meter.keys() == {"name", "serial", "ic", "route_a", "route_b", "state", "console"}
        assert (meter["name"], meter["serial"], meter["ic"]) == ("keiki-1", "KEIKI0000001", "bl0942")
        assert route.keys() == {"id", "password", "udp4", "dongles"}
        assert re.fullmatch("[0-9A-F]{32}", route["id"]) and len(route["password"]) == 12
        assert route["udp4"] == f"{address}:3610"
        assert [dongle["dialect"] for dongle in route["dongles"]] == ["bp35a1", "j11", "bp35c2"]
        assert all(dongle.keys() == {"dialect", "port"} for dongle in route["dongles"])

        ports = [dongle["port"] for dongle in route["dongles"]]
        assert len(set(ports)) == 3 and os.readlink(link) == ports[0]
        assert speaks(str(link), b"SKVER\r\n", b"OK\r\n")
        assert speaks(ports[1], encode_request(0x006B), bytes.fromhex("D0F9EE5D206B"))
        assert speaks(ports[2], b"SKSCAN 2 FFFFFFFF 4 0\r\n", b"EVENT 22 ")
        with controller(address) as sock:
            esv, values = ask(sock, 0x62, (0xE7, b""), (0x8D, b""))
        assert esv == 0x72 and abs(int.from_bytes(values[0xE7], "big") - 1300) <= 15
        assert values[0x8D] == b"KEIKI0000001"

        firmware = processes(bench.pid)
        assert len(firmware) == 1
        assert bench.stop(number) == 0
        nothing_left(bench, firmware)
        assert list((tmp_path / "t").iterdir()) == []
        assert not link.is_symlink()
        assert len(bench.output) == 1 and bench.log() == ""


def test_it_can_be_ended_before_it_is_ready(tmp_path: Path) -> None:
    address = own_address()
    bench = BenchProcess(*LOAD, "--udp4", address, "--history", "100", env=temporary(tmp_path))
    with bench.unready():
        until(lambda: bound(address), "the firmware has its address")
        firmware = processes(bench.pid)
        assert len(firmware) == 1
        assert bench.stop() == 0
        nothing_left(bench, firmware)
        assert bench.output == []
        assert not bound(address)
        assert list((tmp_path / "t").iterdir()) == []


def test_truth_is_what_the_house_used_since_the_meter_began(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    with BenchProcess(*LOAD, "--udp4", own_address(), "--truth", str(path), "--speed", "40"):
        until(lambda: len(read_truth(path)) == 1, "12:00 has passed")
    # the meter begins three minutes before its start time
    assert read_truth(path) == {START_S + 10: (pytest.approx(1300 * 190 / 3600, abs=1e-4), 0)}


def test_state_keeps_who_a_meter_is(tmp_path: Path) -> None:
    state = tmp_path / "state"
    options = (*LOAD, "--udp4", own_address(), "--state", str(state))
    seen: list[dict[str, Any]] = []
    for seed in ("3", "4"):
        with BenchProcess(*options, "--seed", seed, "--profile", "gen1" if seed == "3" else "gen2") as bench:
            [meter] = bench.ready["meters"]
            assert meter["state"] == str(state / "keiki-1")
            seen.append({**meter, "route_b": {**meter["route_b"], "dongles": []}})
    assert seen[0] == seen[1]
    kept = state / "keiki-1" / "settings.json"
    assert json.loads(kept.read_text())["profile"] == "gen2"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    left = {path.name for path in kept.parent.iterdir()}
    assert left == {"settings.json", "flash.bin"}


def test_a_state_that_is_spoilt_gets_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "keiki-1"
    folder.mkdir()
    (folder / "settings.json").write_text('{"digits": 99}')
    bench = BenchProcess(*LOAD, "--udp4", own_address(), "--state", str(tmp_path))
    with bench.unready():
        assert bench.wait() == 2
        assert bench.log() == f"keiki: state: {folder / 'settings.json'}: digits: not in 1..8\n"
        assert bench.output == []


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--udp6", "fd00::99"], "udp6: fd00::99 is not an address of this host"),
        (["--udp4", "192.0.2.1"], "udp4: 192.0.2.1:3610: Cannot assign requested address"),
        (["--state", "/dev/null"], "state: /dev/null: File exists"),
        (["--truth", "/dev"], "truth: /dev: Is a directory"),
    ],
)
def test_what_this_host_cannot_give_gets_one_line(options: list[str], line: str) -> None:
    bench = BenchProcess(*LOAD, "--udp4", own_address(), *options)
    with bench.unready():
        assert bench.wait() == 1
        assert (bench.log(), bench.output) == (f"keiki: {line}\n", [])


def test_a_deep_state_folder_is_no_obstacle_and_a_deep_temporary_one_gets_one_line(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    with BenchProcess(*LOAD, "--udp4", own_address(), "--state", str(deep)) as bench:
        assert bench.ready["meters"][0]["state"] == str(deep / "keiki-1")
    bench = BenchProcess(*LOAD, "--udp4", own_address(), env={"TMPDIR": str(deep)})
    with bench.unready():
        assert bench.wait() == 1
        pattern = rf"keiki: temporary folder: {deep}/keiki-\w+/(bus|uplink): AF_UNIX path too long\n"
        assert re.fullmatch(pattern, bench.log())


def test_history_is_there_at_the_start(tmp_path: Path) -> None:
    address = own_address()
    options = (*LOAD, "--udp4", address, "--history", "1", *config(tmp_path))
    with BenchProcess(*options) as bench, controller(address) as sock:
        assert bench.ready["clock"]["now"] == START
        known = []
        for day in (1, 0):
            assert ask(sock, 0x61, (0xE5, bytes([day])))[0] == 0x71
            edt = ask(sock, 0x62, (0xE2, b""))[1][0xE2]
            assert edt[:2] == bytes([0, day])
            known += [int.from_bytes(edt[at : at + 4], "big") for at in range(2, 194, 4)]
    # from 12:00 of yesterday to 11:30 of today
    assert all((value == 0xFFFFFFFE) != (24 <= slot < 72) for slot, value in enumerate(known))
    wh = known[24:72]
    assert all(abs(after - before - 650) <= 1.65 for before, after in pairwise(wh))


def test_if_the_bench_is_killed_its_firmware_ends_by_itself(tmp_path: Path) -> None:
    address = own_address()
    with BenchProcess(*LOAD, "--udp4", address, env=temporary(tmp_path)) as bench:
        firmware = processes(bench.pid)
        assert len(firmware) == 1
        assert bench.stop(signal.SIGKILL) == -signal.SIGKILL
        nothing_left(bench, firmware)


def test_if_a_firmware_dies_it_is_started_again_and_the_bench_says_so(tmp_path: Path) -> None:
    options = (*LOAD, "--udp4", own_address(), "--meters", "2", *config(tmp_path))
    with BenchProcess(*options, restarts=True) as bench:
        firmware = processes(bench.pid)
        assert len(firmware) == 2
        for number, words in (
            (signal.SIGKILL, "power cut"),
            (signal.SIGSEGV, "crash (signal 11)"),
            (signal.SIGTERM, "power cut"),
        ):
            said = bench.log().count("\n")
            [victim, *_] = set(processes(bench.pid)) - {firmware[1]}
            os.kill(victim, number)
            until(lambda said=said: bench.log().count("\n") > said, "it says so")
            line = bench.log().splitlines()[said]
            assert re.fullmatch(rf"keiki-[12]: {re.escape(words)}: started again", line)
        again = processes(bench.pid)
        assert len(again) == 2 and firmware[0] not in again and firmware[1] in again
        for meter in bench.ready["meters"]:
            with controller(meter["route_b"]["udp4"].partition(":")[0]) as sock:
                assert ask(sock, 0x62, (0x8D, b""))[1] == {0x8D: meter["serial"].encode()}
            assert speaks(meter["route_b"]["dongles"][0]["port"], b"SKSCAN 2 FFFFFFFF 4 0\r\n", b"EVENT 22 ")
        assert bench.stop() == 0
        nothing_left(bench, again)
        assert not Path(bench.ready["meters"][0]["state"]).parent.exists()


def test_a_firmware_that_cannot_be_started_again_ends_the_bench_with_one_line(tmp_path: Path) -> None:
    port = tmp_path / "micropython"
    shutil.copy(micropython(), port)
    with BenchProcess(*LOAD, "--udp4", own_address(), env={"MICROPYTHON": str(port)}) as bench:
        [firmware] = processes(bench.pid)
        port.unlink()
        port.symlink_to("/bin/false")
        os.kill(firmware, signal.SIGKILL)
        assert bench.wait() == 1
        nothing_left(bench, [firmware])
        assert bench.log() == (
            "keiki: keiki-1: the firmware ended 5 times right after its start: crash (status 1)\n"
        )
        assert not Path(bench.ready["meters"][0]["state"]).parent.exists()


def test_an_address_that_is_taken_gets_one_line() -> None:
    address = own_address()
    with BenchProcess(*LOAD, "--udp4", address):
        second = BenchProcess(*LOAD, "--udp4", address)
        with second.unready():
            assert second.wait() == 1
            assert second.log() == (
                f"keiki: udp4: {address}:3610 is taken (another bench? choose with --udp4)\n"
            )
            assert second.output == []
        assert bound(address)


def test_several_meters_are_several_meters(tmp_path: Path) -> None:
    base = own_address().rpartition(".")[0]
    options = (*LOAD, "--udp4", f"{base}.251", "--meters", "3", "--truth", str(tmp_path / "t.csv"))
    with BenchProcess(*options, *config(tmp_path)) as bench:
        meters = bench.ready["meters"]
        assert [meter["name"] for meter in meters] == ["keiki-1", "keiki-2", "keiki-3"]
        hosts = [meter["route_b"]["udp4"].partition(":")[0] for meter in meters]
        assert hosts == [f"{base}.{last}" for last in (251, 252, 253)]
        for key in ("id", "password"):
            assert len({meter["route_b"][key] for meter in meters}) == 3
        assert len({meter["route_b"]["dongles"][0]["port"] for meter in meters}) == 3
        for meter, host in zip(meters, hosts, strict=True):
            with controller(host) as sock:
                assert ask(sock, 0x62, (0x8D, b""))[1] == {0x8D: meter["serial"].encode()}
        assert len(processes(bench.pid)) == 3
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == [
        f"t-keiki-{number}.csv" for number in (1, 2, 3)
    ]
