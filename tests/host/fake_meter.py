"""A meter's console played by a test: a unix socket or a pty, and a function that answers."""

import json
import os
import pty
import socket
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

Answer = Callable[[dict[str, Any]], Any]
Talk = Callable[[bytes], bytes | None]


class Refusal(Exception):
    """What the firmware answers as {"error": text}."""


class FakeMeter:
    """Answers as the firmware does; `answers` has a value or a function of the request for each operation."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[dict[str, Any]] = []

    def __call__(self, line: bytes) -> bytes:
        """The answer to one line."""
        request = json.loads(line)
        self.asked.append(request)
        answer = self.answers.get(request["op"], Refusal("op: no such operation"))
        try:
            if isinstance(answer, Refusal):
                raise answer
            said = {"ok": answer(request) if callable(answer) else answer}
        except Refusal as error:
            said = {"error": str(error)}
        return json.dumps(said).encode() + b"\n"


@contextmanager
def on_socket(path: Path, talk: Talk) -> Iterator[str]:
    """Answer each line on a unix socket, None: hang up; yields the URL."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            while True:
                client, _ = server.accept()
                with client, client.makefile("rb") as lines, suppress(OSError):
                    for line in lines:
                        if line == b"end\n":
                            return
                        answer = talk(line)
                        if answer is None:
                            break
                        client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ender:
                ender.connect(str(path))
                ender.sendall(b"end\n")
            thread.join(10)


@contextmanager
def on_pty(talk: Talk) -> Iterator[str]:
    """Answer each line on a serial port, None: it is pulled out; yields the URL."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)

    def serve() -> None:
        nonlocal slave
        inbox = b""
        while b"end\n" not in inbox:
            try:
                inbox += os.read(master, 4096)
            except OSError:
                return
            while b"\n" in inbox and b"end\n" not in inbox:
                line, _, inbox = inbox.partition(b"\n")
                answer = talk(line)
                if answer is None:
                    os.close(master)
                    return
                os.write(master, answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"serial://{path}"
    finally:
        with suppress(OSError):
            os.write(slave, b"end\n")
        thread.join(10)
        for descriptor in (slave, master):
            with suppress(OSError):
                os.close(descriptor)
