"""The power of a whole meter is cut at every block of an update, while it measures and serves.

    python tests/powerloss/update_kills.py [BLOCKS]   all blocks of one transfer by default

After each cut the meter must be back with the version that ran, with registers and history that have not gone
back, and go on with the transfer where it was. In the end the new version runs and is found good.
"""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from keiki_host.device import Device, DeviceError
from keiki_host.update import bundle, keys
from keiki_host.update.application import application
from keiki_host.update.bundle import Bundle, Identity
from keiki_host.update.send import PIECE, ConsoleMeter

from tests.bench_process import BenchProcess, until
from tests.conformance.desk import own_address

SPEED = 60
LOAD = ("--load", "constant:1200W", "--speed", str(SPEED), "--start", "2026-06-11T12:10:00+09:00")
CHECKPOINT_WH_X1000 = 1200 * 10 * 1000 // 3600
"""What is measured between two checkpoints: registers after a cut are no older than that."""
ALIVE_MS = 65_000
"""World time that a firmware is left alone, so that the bench does not take cuts for a loop of crashes."""


def kill_firmware(meter: dict[str, Any]) -> None:
    """Cut the power: end the firmware as it stands."""
    ours = f"KEIKI_FOLDER={meter['state']}\0".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if ours in path.read_bytes():
                os.kill(int(path.parent.name), signal.SIGKILL)
        except OSError:
            continue


def ask(meter: dict[str, Any], op: str, **more: Any) -> Any:
    """Ask the console, when there is a firmware."""
    with Device(meter["console"]) as device:
        return device.ask(op, **more)


def runs(meter: dict[str, Any], version: str) -> bool:
    """Whether this version runs, and is good."""
    try:
        status = ask(meter, "update", do="status")
    except DeviceError:
        return False
    return bool(status["runs"] == version and status["good"])


def give(meter: dict[str, Any], whole: Bundle, upto: int) -> int:
    """Go on with the transfer up to an offset; returns where the meter was before."""
    with Device(meter["console"]) as device:
        to = ConsoleMeter(device)
        there = offset = to.begin(whole, False)
        while offset < upto:
            offset = to.data(offset, whole.data[offset : offset + PIECE])
    return there


def cut_all(meter: dict[str, Any], whole: Bundle, blocks: int) -> None:
    """Cut after each of so many blocks."""
    energy = 0
    for number in range(1, blocks + 1):
        upto = min(number * PIECE, len(whole.data))
        there = give(meter, whole, upto)
        assert there == min((number - 1) * PIECE, len(whole.data)), (number, there)
        status = ask(meter, "status")
        assert status["import_wh_x1000"] >= energy - CHECKPOINT_WH_X1000 and status["lost"] == [], status
        energy, since_ms = status["import_wh_x1000"], status["utc_ms"]
        until(lambda since=since_ms: ask(meter, "status")["utc_ms"] - since > ALIVE_MS, "time goes on")
        kill_firmware(meter)
        until(lambda: runs(meter, "0.1.0"), f"the meter is back after block {number}", 60)
        print(f"\r{number} of {blocks} blocks", end="", flush=True)


def main(args: list[str]) -> None:
    """Run it, and say how it went."""
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys.generate(folder / "key", folder / "pub")
        signer = keys.load_private(folder / "key")
        whole = bundle.read(bundle.make(Identity("unix", "0.2.0"), application("unix", "0.2.0"), signer))
        every = -(-len(whole.data) // PIECE)
        blocks = min(int(args[0]), every) if args else every
        options = (*LOAD, "--udp4", own_address(), "--state", str(folder / "state"))
        with BenchProcess(*options, restarts=True) as bench:
            [meter] = bench.ready["meters"]
            with Device(meter["console"]) as device:
                ConsoleMeter(device).trust(keys.modulus_of(signer.public_key()))
            cut_all(meter, whole, blocks)
            give(meter, whole, len(whole.data))
            with Device(meter["console"]) as device:
                to = ConsoleMeter(device)
                to.verify()
                to.activate()
            until(lambda: runs(meter, "0.2.0"), "the new version is good", 120)
    print(f"\rupdate: {blocks} of {every} blocks cut, in {time.monotonic() - began_s:.0f} s: nothing lost")


if __name__ == "__main__":
    main(sys.argv[1:])
