"""MicroPython by its version: from a folder, else downloaded, from a server of this test on loopback only."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from keiki_host import cli
from keiki_host.flash import images

from tests.host import esp_rom
from tests.host.test_flash_rp2 import GOOD

NAME = "RPI_PICO_W-20260401-v1.28.0.uf2"
PAGE, FILE = "/download/RPI_PICO_W/", f"/resources/firmware/{NAME}"
LINKS = "".join(
    f'<a href="/resources/firmware/{name}">'
    for name in ("RPI_PICO_W-20250415-v1.25.0.uf2", NAME, "RPI_PICO_W-20260401-v1.28.0.elf")
).encode()

Run = Callable[..., tuple[int, str]]


class Site:
    """Answers what `pages` has; `asked` are the paths, `promised` how much longer an answer says it is."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {PAGE: LINKS, FILE: GOOD}
        self.asked: list[str] = []
        self.promised = 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                found = site.pages.get(self.path)
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(found or b"") + site.promised))
                self.end_headers()
                self.wfile.write(found or b"")
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    found = Site()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setattr(images, "SITE", found.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    try:
        yield found
    finally:
        found.server.shutdown()
        thread.join()
        found.server.server_close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`keiki flash rp2_picow_bl0942 ...` onto a drive: exit code, last line on standard error."""
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive" / "INFO_UF2.TXT").write_text("Board-ID: RPI-RP2\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KEIKI_IMAGES", raising=False)

    def flash(*words: str, board: str = "rp2_picow_bl0942", images: str = "images") -> tuple[int, str]:
        argv = ["keiki", "flash", board, "--port", "drive", "--images", images, *words]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capsys.readouterr().err.splitlines()[-1]

    return flash


def test_what_is_downloaded_once_is_kept(site: Site, run: Run, tmp_path: Path) -> None:
    assert run("--micropython", "1.28.0")[0] == 0
    assert (tmp_path / "drive" / "micropython.uf2").read_bytes() == GOOD
    assert (tmp_path / "images" / NAME).read_bytes() == GOOD and site.asked == [PAGE, FILE]
    assert run("--micropython", "1.28.0")[0] == 0 and len(site.asked) == 2
    assert [path.name for path in (tmp_path / "images").iterdir()] == [NAME]


def test_a_folder_that_has_it_asks_nobody_and_the_newest_is_taken(
    site: Site, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    for name in (NAME, "RPI_PICO_W-20260301-v1.28.0.uf2", "RPI_PICO_W-20260501-v1.28.0.uf2.new"):
        (tmp_path / "images" / name).write_bytes(GOOD if name == NAME else b"other")
    assert run("--micropython", "1.28.0")[0] == 0 and site.asked == []
    assert (tmp_path / "drive" / "micropython.uf2").read_bytes() == GOOD


def test_an_esp32_gets_one_that_can_run_it_only(site: Site, run: Run, tmp_path: Path) -> None:
    name = "ESP32_GENERIC-20260401-v1.28.0.bin"
    site.pages["/download/ESP32_GENERIC/"] = name.encode()
    site.pages[f"/resources/firmware/{name}"] = esp_rom.image("esp32", romfs=False)
    code, said = run("--micropython", "1.28.0", board="esp32_devkit_atm90e32")
    assert code == 2 and "this MicroPython has no ROMFS" in said and not (tmp_path / "images").exists()


def test_no_network_is_one_line_that_says_what_to_fetch_and_where_to_put_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setattr(images, "SITE", f"http://127.0.0.1:{port}")
    code, said = run("--micropython", "1.28.0")
    assert code == 1 and said == (
        f"keiki: micropython: 127.0.0.1:{port} is not reached (Connection refused); fetch RPI_PICO_W v1.28.0 "
        f"from http://127.0.0.1:{port}/download/RPI_PICO_W/ and put it into images, or name it with --image"
    )


def test_the_site_is_micropythons_over_https() -> None:
    assert images.SITE == "https://micropython.org"


@pytest.mark.parametrize(
    ("words", "pages", "promised", "code", "said"),
    [
        (["1.28"], {}, 0, 2, "micropython: '1.28' is no version X.Y.Z"),
        (["1.28.0", "--image", "x.uf2"], {}, 0, 2, "image: either --image or --micropython"),
        (["1.27.0"], {}, 0, 2, "/download/RPI_PICO_W/ has no 1.27.0 for this board"),
        (["1.28.0"], {PAGE: None}, 0, 1, "answers 404; fetch RPI_PICO_W v1.28.0 from"),
        (["1.28.0"], {FILE: None}, 0, 1, "answers 404; fetch RPI_PICO_W v1.28.0 from"),
        (["1.28.0"], {FILE: b"<html>"}, 0, 2, "image: not a UF2 image of MicroPython"),
        (["1.28.0"], {FILE: GOOD[:512]}, 0, 2, "image: not a whole UF2 image"),
        (["1.28.0"], {}, 7, 1, "not all of it has come); fetch RPI_PICO_W v1.28.0 from"),
        (["1.28.0", "--images", "drive/INFO_UF2.TXT"], {}, 0, 1, "name another folder with --images"),
    ],
)
def test_what_cannot_be_had_is_one_line_and_nothing_is_kept_or_written(
    words: list[str], pages: dict[str, bytes | None], promised: int, code: int, said: str,
    site: Site, run: Run, tmp_path: Path,
) -> None:  # fmt: skip
    for path, page in pages.items():
        if page is None:
            del site.pages[path]
        else:
            site.pages[path] = page
    site.promised = promised
    found = run("--micropython", *words)
    assert found[0] == code and said in found[1]
    assert not (tmp_path / "images").exists() and not (tmp_path / "drive" / "micropython.uf2").exists()
