"""Networks for tests: namespaces of their own where the host allows them, and turns on the host's loopback.

Clients bind 0.0.0.0:3610 with SO_REUSEADDR, so two at once on one network steal each other's datagrams.
"""

import asyncio
import fcntl
import functools
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Self

import pytest

LOCK = Path(tempfile.gettempdir()) / "keiki-tests-port-3610.lock"


@asynccontextmanager
async def loopback_turn() -> AsyncIterator[None]:
    """Be the only client on 0.0.0.0:3610 of this host's loopback, among the tests of every process."""
    with LOCK.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.05)
        yield


@functools.cache
def namespaces_allowed() -> bool:
    """Whether `unshare -rn` works here."""
    try:
        tried = subprocess.run(["unshare", "-rn", "ip", "link"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return tried.returncode == 0


def need_namespaces() -> None:
    """Skip the test with one sentence where `unshare -rn` is not allowed."""
    if not namespaces_allowed():
        pytest.skip("network namespaces are not permitted here (unshare -rn fails)")


class Namespace:
    """A network namespace with a loopback that carries multicast; lives as long as the `with`.

    `beside` another one: both belong to one user namespace, so a cable can join them.
    """

    def __init__(self, beside: "Namespace | None" = None) -> None:
        self._beside = beside
        self._holder: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = ["unshare", "-rn"] if self._beside is None else [*self._beside.prefix, "unshare", "-n"]
        setup = "ip link set lo up && ip route add 224.0.0.0/4 dev lo && echo ready && exec cat"
        self._holder = subprocess.Popen(
            [*command, "sh", "-c", setup], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._holder is not None
        self._holder.communicate()

    @property
    def pid(self) -> int:
        """A process inside."""
        assert self._holder is not None
        return self._holder.pid

    @property
    def prefix(self) -> list[str]:
        """What to put before a command so that it runs inside."""
        return ["nsenter", "-t", str(self.pid), "-U", "--preserve-credentials", "-n"]

    def run(self, *commands: str) -> None:
        """Run shell commands inside, one after another; the first that fails ends the test."""
        for command in commands:
            done = subprocess.run(
                [*self.prefix, "sh", "-c", command], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}: {done.stderr}"


@contextmanager
def two_hosts() -> Iterator[tuple[Namespace, Namespace]]:
    """Two namespaces joined by a cable: interface `cable`, 192.168.77.1 and .2, fe80::1 and fe80::2."""
    need_namespaces()
    with Namespace() as one, Namespace(beside=one) as two:
        one.run(f"ip link add cable type veth peer name cable netns {two.pid}")
        for number, host in enumerate((one, two), 1):
            host.run(
                "ip route del 224.0.0.0/4 dev lo",
                "ip link set cable addrgenmode none",
                f"ip addr add 192.168.77.{number}/24 dev cable",
                f"ip -6 addr add fe80::{number}/64 dev cable nodad",
                "ip link set cable up",
                "ip route add 224.0.0.0/4 dev cable",
            )
        yield one, two
