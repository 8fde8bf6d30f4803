"""Every command that takes a meter, a board or a file, with what cannot be: one line, and nothing is done."""

import errno
import io
import os
import pty
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from keiki_host import cli
from keiki_host.flash import app_files
from keiki_host.headend.keys import make_key_file
from keiki_host.provision import sealed
from keiki_host.update import application, bundle
from keiki_host.update.bundle import Identity

Run = Callable[..., tuple[int, str]]

METER = {
    # of a command: its words before --meter URL
    "device": ["device", "status"],
    "provision": ["provision", "--no-headend"],
    "update": ["update", "good.keiki"],
    "calibrate": ["calibrate", "--reference", "manual:", "--out", "report"],
    "monitor": ["monitor"],
    "read": ["read"],
}
NO_METER = [
    ("serial:///dev/ttyNONE", 1, "there is no such port: is the cable in?"),
    ("serial:///dev/null", 1, "not a serial port"),
    ("serial://BUSY", 1, "another program has it: end that, and try again"),
    ("serial://FORBIDDEN", 1, "no permission: add yourself to the group that owns it"),
    ("unix:///no/such/console", 1, "there is no such socket: does its bench run?"),
    ("/dev/ttyUSB0", 2, "meter: '/dev/ttyUSB0' is n"),
]
BOARD = "rp2_picow_bl0942"
FILES = [
    (["flash", "toaster"], 2, "board: 'toaster' is not one of esp32_c3_bl0942"),
    (["flash", BOARD, "--config", "broken.toml"], 2, "config: broken.toml: Expected '='"),
    (["flash", BOARD, "--config", "none.toml"], 2, "config: none.toml: No such file"),
    (["flash", BOARD, "--config", "unknown.toml"], 2, "config: colour: no such setting"),
    (["flash", BOARD, "--port", "BUSY"], 2, "BUSY: another program has it"),
    (["flash", BOARD, "--port", "FORBIDDEN"], 2, "FORBIDDEN: no permission"),
    (["flash", BOARD, "--port", "/dev/ttyNONE"], 2, "/dev/ttyNONE: there is no such port"),
    (["provision", "--given", "broken.toml", "--meter", "unix:///none"], 2, "given: broken.toml: not TOML"),
    (["bundle", "make", "/dev/full", *["--board", "unix", "--version", "0.2.0", "--key", "private.pem"]], 2,
     "bundle: /dev/full: No space left on device"),
    (["bundle", "make", "x", *["--board", "toaster", "--version", "0.2.0", "--key", "private.pem"]], 2,
     "board: toaster: updates are made for esp32_c3_bl0942"),
    (["bundle", "make", "x", *["--board", "unix", "--version", "0.2.0", "--key", "broken.toml"]], 2,
     "key: broken.toml: not a private key"),
    (["bundle", "make", "x", *["--board", "unix", "--version", "two", "--key", "private.pem"]], 2,
     "bundle: version: two is not X.Y.Z"),
    (["bundle", "key", "private.pem", "public.pem"], 2, "key: private.pem: File exists"),
    (["bundle", "show", "broken.toml"], 2, "bundle: not an update"),
    (["bundle", "show", "."], 2, "bundle: .: Is a directory"),
    (["update", "broken.toml", "--meter", "unix:///none"], 2, "bundle: not an update"),
    (["update", "good.keiki", "--trust", "broken.toml", "--meter", "unix:///none"], 2,
     "key: broken.toml: not a public key"),
    (["label", "broken.toml", "x.pdf"], 2, "broken.toml: not a sealed record"),
    (["label", "none.sealed", "x.pdf"], 2, "none.sealed: No such file"),
    (["label", "A1.sealed", "/dev/full"], 1, "label: /dev/full: No space left on device"),
    (["label", "A1.sealed", "x.pdf", "--key-file", "none.key"], 2, "key file none.key: No such file"),
    (["device", "backup", "no/folder/x", "--meter", "unix:///none"], 1, "unix:///none: there is no such"),
    (["device", "restore", "broken.toml", "--meter", "unix:///none"], 2, "backup: broken.toml: not a backup"),
    (["read", "--meter", "tcp://meter.example?keys=broken.toml"], 2, "keys: broken.toml: not TOML"),
]  # fmt: skip


@pytest.fixture(scope="module")
def signer() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    signer: rsa.RSAPrivateKey,
) -> Iterator[Run]:  # fmt: skip
    """`keiki ...` in a folder with a bundle, keys, a record and wrong files: exit code and complaint.

    BUSY is a port that another program has, FORBIDDEN one that we may not open."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(application, "application", lambda *_: {"rom.img": b"x"})
    monkeypatch.setattr(app_files, "code", lambda *_: {"keiki_main.mpy": b"x"})
    Path("broken.toml").write_text("a b\n")
    Path("broken.toml").chmod(0o600)
    Path("unknown.toml").write_text('colour = "red"\n')
    Path("good.keiki").write_bytes(bundle.make(Identity("unix", "0.2.0"), {"rom.img": b"x"}, signer))
    Path("private.pem").write_bytes(
        signer.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    make_key_file(Path("keiki-headend.key"))
    record = {
        "serial": "A1", "system_title": "00" * 8, "rating_a": 60, "production": "2026-04-01",
        "route_b_id": "0" * 32, "route_b_password": "0" * 12,
    }  # fmt: skip
    sealed.write(Path("A1.sealed"), Path("keiki-headend.key"), "A1", record, new=True)
    ours, theirs = pty.openpty()
    busy = os.ttyname(theirs)
    really = serial.Serial

    def port(path: str, *arguments: object, **options: object) -> object:
        if path.endswith("FORBIDDEN"):
            raise serial.SerialException(errno.EACCES, f"could not open port {path}")
        return really(path, *arguments, **options)

    monkeypatch.setattr(serial, "Serial", port)

    def keiki(*words: str) -> tuple[int, str]:
        told = [word.replace("BUSY", busy) for word in words]
        told = [word.replace("serial://FORBIDDEN", "serial:///FORBIDDEN") for word in told]
        monkeypatch.setattr(sys, "argv", ["keiki", *told])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert said.out == ""
        return int(ended.value.code or 0), said.err.replace(busy, "BUSY")

    with really(busy, exclusive=True):
        yield keiki
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("command", METER)
def test_a_meter_that_cannot_be_reached_is_one_line_that_says_why(command: str, run: Run) -> None:
    before = sorted(path.name for path in Path().iterdir())
    for url, code, said in NO_METER:
        found, complaint = run(*METER[command], "--meter", url)
        assert (found, complaint.count("\n")) == (code, 1), (url, complaint)
        assert complaint.startswith("keiki: ") and said in complaint, (url, complaint)
    assert sorted(path.name for path in Path().iterdir()) == before


def test_what_cannot_be_read_or_written_is_one_line_that_names_it(run: Run) -> None:
    before = sorted(path.name for path in Path().iterdir())
    for words, code, said in FILES:
        found, complaint = run(*words)
        assert found == code and complaint.count("\n") <= 2, (words, complaint)
        assert complaint.splitlines()[-1].startswith(f"keiki: {said}"), (words, complaint)
    assert sorted(path.name for path in Path().iterdir()) == before
