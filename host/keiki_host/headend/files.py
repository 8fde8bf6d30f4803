"""Files that are whole or not there: written beside their name, on disk, then renamed."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from keiki_host.headend.errors import HeadendError


@contextlib.contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which gets its name at the end; HeadendError, and no file, if that cannot be."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise HeadendError(f"{path}: {error.strerror}") from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise
