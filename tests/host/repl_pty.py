"""A board with MicroPython's REPL on a serial line: the unix port on a pty, its file system a folder."""

import contextlib
import os
import pty
import subprocess
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def board(micropython: str, folder: Path, *, start: str = "") -> Iterator[str]:
    """Path of the serial port of a MicroPython in `folder` that has run `start`."""
    (folder.parent / "start.py").write_text(start)
    ours, theirs = pty.openpty()
    line, port = pty.openpty()
    for end in (line, port):
        tty.setraw(end)
    modes = termios.tcgetattr(theirs)
    modes[1] &= ~termios.OPOST
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    process = subprocess.Popen(
        [micropython, "-i", str(folder.parent / "start.py")],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    pumps = [threading.Thread(target=_pump, args=ends) for ends in ((ours, line), (line, ours))]
    for pump in pumps:
        pump.start()
    try:
        yield os.ttyname(port)
    finally:
        process.kill()
        process.wait()
        os.close(port)
        for pump in pumps:
            pump.join()
        os.close(ours)
        os.close(line)


def _pump(source: int, sink: int) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(source, 4096):
            os.write(sink, data)
