"""What the commands of `keiki headend` share: options, the open database, and how answers are printed."""

import contextlib
import getpass
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from keiki_host.headend.database import DEFAULT_URL, Store, open_store
from keiki_host.headend.keys import DEFAULT_FILE

Database = Annotated[
    str,
    typer.Option(
        envvar="KEIKI_DATABASE", metavar="URL", help="sqlite:///FILE or postgresql://USER@HOST/NAME."
    ),
]
KeyFile = Annotated[
    Path,
    typer.Option(envvar="KEIKI_KEY_FILE", metavar="FILE", help="What the meters' keys are encrypted with."),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")]
DATABASE = DEFAULT_URL
KEY_FILE = Path(DEFAULT_FILE)


@contextlib.contextmanager
def connected(url: str) -> Iterator[Store]:
    """The database, closed at the end."""
    store = open_store(url)
    try:
        yield store
    finally:
        store.close()


def who() -> str:
    """How the trail names whoever works on this computer."""
    return f"console {getpass.getuser()}"


def print_json(answer: object) -> None:
    """One object on one line."""
    print(json.dumps(answer, ensure_ascii=False))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows with their columns in line."""
    widths: dict[int, int] = {}
    for row in rows:
        for index, cell in enumerate(row[:-1]):
            widths[index] = max(widths.get(index, 0), len(cell))
    for row in rows:
        cells = [cell.ljust(widths.get(index, 0)) for index, cell in enumerate(row)]
        print("  ".join(cells).rstrip())
