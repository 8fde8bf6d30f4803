"""MicroPython's image by its version: from a folder of images, else from MicroPython's download page.

The page names the files of a board as BOARD-DATE-vX.Y.Z.EXT, below /resources/firmware/. It tells no
checksums: what comes must come over https, whole, and be an image of this board (esp_image.py, uf2.py)
before it is kept.
"""

import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from keiki_host.board_schema import Board
from keiki_host.flash.errors import FlashError, FlashInputError
from keiki_host.flash.shown import Shown

SITE = "https://micropython.org"
TIMEOUT_S = 30.0
_BYTES_MAX = 32 << 20
_ENDINGS = {"esp32": "bin", "rp2": "uf2"}
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def folder_of_images() -> Path:
    """Return where images are kept that are downloaded: keiki/images in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache.startswith("/") else Path.home() / ".cache") / "keiki" / "images"


def find(board: Board, version: str, folder: Path, check: Callable[[bytes], object], show: Shown) -> bytes:
    """Return MicroPython `version` for a board: what the folder has, else what is downloaded, and kept there.

    `check` raises on what is no image of this board. FlashInputError: no such version; FlashError: it is not
    there.
    """
    if not _VERSION.fullmatch(version):
        raise FlashInputError(f"micropython: {version!r} is no version X.Y.Z")
    name = re.compile(rf"{re.escape(board.image)}-\d{{8}}-v{re.escape(version)}\.{_ENDINGS[board.port]}")
    there = sorted(path for path in folder.glob("*") if name.fullmatch(path.name))
    if there:
        try:
            return there[-1].read_bytes()
        except OSError as error:
            raise FlashInputError(f"micropython: {there[-1]}: {error.strerror}") from None
    page = f"{SITE}/download/{board.image}/"
    show.step(f"looking for MicroPython {version} at {page}")
    try:
        found = sorted(set(name.findall(_get(page).decode(errors="replace"))))
        if not found:
            raise FlashInputError(f"micropython: {page} has no {version} for this board")
        show.step(f"downloading {found[-1]}")
        image = _get(f"{SITE}/resources/firmware/{found[-1]}")
    except (OSError, http.client.HTTPException) as error:
        raise FlashError(
            f"micropython: {_reason(error)}; fetch {board.image} v{version} from {page} and put it into "
            f"{folder}, or name it with --image"
        ) from None
    check(image)
    _keep(folder / found[-1], image)
    return image


def _get(url: str) -> bytes:
    """What is there. OSError, HTTPException: it is not to be had."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        if urlsplit(answer.url).scheme != urlsplit(SITE).scheme:
            raise OSError(0, "it leads away from https")
        data: bytes = answer.read(_BYTES_MAX + 1)
        if len(data) > _BYTES_MAX:
            raise OSError(0, "longer than any image")
        # why: read() with a limit does not tell that less has come than was announced
        length = answer.headers.get("Content-Length")
        if length is not None and int(length) != len(data):
            raise OSError(0, "not all of it has come")
    return data


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{urlsplit(SITE).netloc} answers {error.code}"
    cause = getattr(error, "reason", error)
    told = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return f"{urlsplit(SITE).netloc} is not reached ({told})"


def _keep(path: Path, image: bytes) -> None:
    """Put it into the folder, whole or not at all."""
    beside = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(image)
        beside.replace(path)
    except OSError as error:
        raise FlashError(
            f"micropython: {path}: {error.strerror}; name another folder with --images"
        ) from None
