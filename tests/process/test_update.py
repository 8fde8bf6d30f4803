"""Updates of a whole meter on the bench: over both routes, cut off, bad, and one that crashes."""

import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from keiki_host.device import Device, DeviceError
from keiki_host.device_command import read_events
from keiki_host.update import bundle, keys
from keiki_host.update.bundle import Identity
from keiki_host.update.send import ConsoleMeter

from tests.bench_process import KEIKI, BenchProcess, until
from tests.conformance.desk import own_address

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "update.md").read_text()
COMMANDS = re.findall(r"^keiki .*$", TEXT, re.MULTILINE)
CHECKPOINT_WH_X1000 = 1200 * 10 * 1000 // 3600
"""What is measured between two checkpoints: registers after a power cut are no older than that."""
BAD_ROM = b"\xd2\xcd\x31\x00"
LOAD = ("--load", "constant:1200W", "--speed", "30", "--start", "2026-06-11T12:10:00+09:00")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys; an update that works, and one that crashes at its start."""
    found = tmp_path_factory.mktemp("update")
    for line in COMMANDS[:3]:
        subprocess.run([KEIKI, *shlex.split(line)[1:]], cwd=found, check=True, timeout=120)
    (found / "new.keiki").rename(found / "good")
    (found / "update.pub").rename(found / "key.pub")
    signer = keys.load_private(found / "update.pem")
    crashing = {"rom.img": BAD_ROM + bytes(5000)}
    (found / "crash").write_bytes(bundle.make(Identity("unix", "0.3.0"), crashing, signer))
    other = {"rom.img": b"for another"}
    (found / "board").write_bytes(bundle.make(Identity("unix_ade7953", "0.3.0"), other, signer))
    spoilt = bytearray(bundle.make(Identity("unix", "0.3.0"), crashing, signer))
    spoilt[-5100] ^= 1
    (found / "spoilt").write_bytes(spoilt)
    return found


@pytest.fixture(scope="module")
def meter(folder: Path) -> Iterator[dict[str, Any]]:
    options = (*LOAD, "--udp4", own_address(), "--state", str(folder / "state"))
    with BenchProcess(*options, restarts=True) as bench:
        [found] = bench.ready["meters"]
        yield found


def keiki(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it."""
    return subprocess.run([KEIKI, *arguments], capture_output=True, text=True, timeout=120, check=False)


def ask(meter: dict[str, Any], op: str, **more: Any) -> Any:
    """Ask the console, when there is a firmware."""
    with Device(meter["console"]) as device:
        return device.ask(op, **more)


def runs(meter: dict[str, Any], version: str, good: bool = True) -> bool:
    """Whether this version runs, and has been found good."""
    try:
        status = ask(meter, "update", do="status")
    except DeviceError:
        return False
    return bool(status["runs"] == version and status["good"] is good)


def energy(meter: dict[str, Any]) -> int:
    """The import register."""
    return int(ask(meter, "status")["import_wh_x1000"])


def told(meter: dict[str, Any]) -> list[int]:
    """What the event log tells of updates, oldest first, as numbers of update_record.py."""
    with Device(meter["console"]) as device:
        return [event.source for event in read_events(device) if event.kind == "update"][::-1]


def what_is_wrong_is_refused_in_one_line_and_the_meter_goes_on(meter: dict[str, Any], folder: Path) -> None:
    url = meter["console"]
    done = keiki("update", str(folder / "good"), "--meter", url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("update: this meter has no key to check updates with\n")
    trusted = ("--meter", url, "--trust", str(folder / "key.pub"))
    done = keiki("update", str(folder / "board"), *trusted)
    assert done.returncode == 1 and "it is for board unix_ade7953, and this is unix" in done.stderr
    done = keiki("update", str(folder / "spoilt"), "--meter", url)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "refuses" in done.stderr
    done = keiki("update", str(folder / "key.pub"), "--meter", url)
    assert (done.returncode, done.stderr) == (2, "keiki: bundle: not an update\n")
    done = keiki("update", str(folder / "none"), "--meter", url)
    assert done.returncode == 2 and "No such file" in done.stderr
    assert runs(meter, "0.1.0")


def an_update_cut_off_by_a_power_cut_goes_on_over_the_a_route(meter: dict[str, Any], folder: Path) -> None:
    whole = bundle.read((folder / "good").read_bytes())
    before = energy(meter)
    with Device(meter["console"]) as device:
        console = ConsoleMeter(device)
        offset = console.begin(whole, False)
        while offset < 60_000:
            offset = console.data(offset, whole.data[offset : offset + console.piece])
    kill_firmware(meter)
    until(lambda: runs(meter, "0.1.0"), "the meter is back")
    assert energy(meter) >= before - CHECKPOINT_WH_X1000
    sent: list[int] = []
    with cutting_proxy(meter["route_a"]["tcp"], sent) as (port, cuts):
        cuts.append((20_000, lambda: None))
        cuts.append((80_000, lambda: kill_firmware(meter)))
        url = f"tcp://127.0.0.1:{port}?keys={key_file(meter, folder)}"
        done = keiki("update", str(folder / "good"), "--meter", url)
    assert (done.returncode, done.stdout) == (0, "0.2.0 is installed and starts on trial\n"), done.stderr
    assert sum(sent) < 1.2 * (len(whole.data) - 59_000), "what was there was sent once more"
    assert not cuts and done.stderr.count("; it goes on from there\n") >= 2, done.stderr
    until(lambda: runs(meter, "0.2.0"), "the new version runs and is found good", 60)
    assert energy(meter) > before
    assert told(meter)[-2:] == [1, 2]


def key_file(meter: dict[str, Any], folder: Path) -> Path:
    """The management client's keys, as `keiki read` and `keiki update` take them."""
    path = folder / "meter.keys"
    path.write_text("".join(f'{name} = "{meter["route_a"]["keys"][name]}"\n' for name in ("ek", "ak")))
    path.chmod(0o600)
    return path


@contextmanager
def cutting_proxy(to: str, sent: list[int]) -> Iterator[tuple[int, list[tuple[int, Callable[[], None]]]]]:
    """A port that leads to another one, and a list of (bytes, what to do): when so much has come in on a
    connection, that is done and it is cut, the first one of the list at first. `sent`: what has come in."""
    host, port = to.split(":")
    cuts: list[tuple[int, Callable[[], None]]] = []

    def lead(client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection((host, int(port))) as meter:
            came = 0
            while True:
                for ready in select.select([client, meter], [], [])[0]:
                    data = ready.recv(4096)
                    if not data:
                        return
                    (meter if ready is client else client).sendall(data)
                    if ready is client:
                        sent.append(len(data))
                        came += len(data)
                if cuts and came > cuts[0][0]:
                    cuts.pop(0)[1]()
                    return

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=lead, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], cuts
        server.shutdown(socket.SHUT_RDWR)


def kill_firmware(meter: dict[str, Any]) -> None:
    """Cut the power: end the firmware as it stands."""
    state = meter["state"]
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"KEIKI_FOLDER={state}\0".encode() in path.read_bytes():
                os.kill(int(path.parent.name), signal.SIGKILL)
        except OSError:
            continue


def a_version_that_crashes_at_its_start_makes_way_and_nothing_is_lost(
    meter: dict[str, Any], folder: Path
) -> None:
    until(lambda: runs(meter, "0.2.0"), "the version before is good")
    before = energy(meter)
    first = ask(meter, "events", before=None, most=16)["counts"]
    done = keiki("update", str(folder / "crash"), "--meter", meter["console"], "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["version"] == "0.3.0"
    until(lambda: runs(meter, "0.2.0") and told(meter)[-1] == 3, "it has come back", 60)
    assert energy(meter) >= before - CHECKPOINT_WH_X1000
    counts = ask(meter, "events", before=None, most=16)["counts"]
    assert all(counts[kind] >= count for kind, count in first.items()) and "safe_mode" not in counts
    status = ask(meter, "status")
    assert status["safe_mode"] is False and status["lost"] == []


def the_command_of_the_document_updates_a_meter(meter: dict[str, Any], folder: Path) -> None:
    until(lambda: runs(meter, "0.2.0"), "the version before is good")
    (folder / "good").rename(folder / "new.keiki")
    (folder / "key.pub").rename(folder / "update.pub")
    command = shlex.split(COMMANDS[3].replace("$METER", meter["console"]))
    done = subprocess.run(
        [KEIKI, *command[1:]], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "0.2.0 is installed and starts on trial\n", done.stderr
    until(lambda: runs(meter, "0.2.0") and told(meter)[-1] == 2, "it is found good", 60)
    assert ask(meter, "update", do="status")["slot"] == "b"


def test_updates_of_a_meter_one_after_another(meter: dict[str, Any], folder: Path) -> None:
    what_is_wrong_is_refused_in_one_line_and_the_meter_goes_on(meter, folder)
    an_update_cut_off_by_a_power_cut_goes_on_over_the_a_route(meter, folder)
    a_version_that_crashes_at_its_start_makes_way_and_nothing_is_lost(meter, folder)
    the_command_of_the_document_updates_a_meter(meter, folder)
