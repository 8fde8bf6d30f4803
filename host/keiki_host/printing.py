"""What becomes of a command when who reads its output goes away."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def read_by_somebody() -> Iterator[None]:
    """End the command quietly, with status 1, when the reader of its output is gone (`keiki ... | head`)."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
