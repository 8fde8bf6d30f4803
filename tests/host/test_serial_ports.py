"""Why a port does not open, in one line that says what to do."""

import errno
import os
import pty

import pytest
import serial
from keiki_host import serial_ports


def test_a_port_that_another_program_has_is_told() -> None:
    ours, theirs = pty.openpty()
    path = os.ttyname(theirs)
    with serial.Serial(path, exclusive=True):
        assert serial_ports.why_not(path) == "another program has it: end that, and try again"
    assert serial_ports.why_not(path) is None
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "no permission: add yourself to the group that owns it"),
        (errno.ENODEV, "nothing is behind this port"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_what_the_host_says_becomes_what_to_do(number: int, said: str) -> None:
    assert serial_ports.reason(serial.SerialException(number, "could not open port")).startswith(said)
