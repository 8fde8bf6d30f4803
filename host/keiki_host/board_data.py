"""The boards of boards/: data that is read, never run, and checked against what chips and parts can be.

`load("rp2_picow_bl0942")` is what `keiki flash` and `keiki provision` know of a board.
"""

import ast
from pathlib import Path
from typing import Any

import keiki
from pydantic import ValidationError

from keiki_host.board_parts import Partition
from keiki_host.board_schema import Board


class BoardError(Exception):
    """A board that is not there, or cannot be: one line that names it, the field and the reason."""


def boards_folder() -> Path:
    """Return the folder of the boards, in a checkout or installed."""
    checkout = Path(keiki.__file__).resolve().parents[2] / "boards"
    return checkout if checkout.is_dir() else Path(__file__).resolve().parent / "boards"


def names() -> list[str]:
    """Return every board that is made of parts: those of the bench are not."""
    return sorted(
        path.parent.name for path in boards_folder().glob("*/board.py") if path.parent.name[:4] != "unix"
    )


def values_of(text: str) -> dict[str, Any]:
    """Return the values of a board.py without running it. ValueError: it does more than name values."""
    values: dict[str, Any] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if not (
            isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        ):
            raise ValueError(f"line {node.lineno}: not a value that gets a name")
        values[node.targets[0].id] = _literal(node.value)
    return values


def _literal(node: ast.expr) -> Any:
    """A literal, or a product of two."""
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _literal(left) * _literal(right)
        case ast.Dict(keys=keys, values=values):
            return {
                _literal(key): _literal(of) for key, of in zip(keys, values, strict=True) if key is not None
            }
        case ast.Tuple(elts=parts):
            return tuple(_literal(part) for part in parts)
        case _:
            return ast.literal_eval(node)


def check(values: dict[str, Any]) -> Board:
    """Return the board that these values (upper-case names) say. BoardError names the first that is wrong."""
    name = values.get("NAME", "board")
    rows = {key.lower(): value for key, value in values.items()}
    of = Partition.model_fields
    try:
        if "partitions" in rows:
            rows["partitions"] = tuple(
                Partition(**dict(zip(of, row, strict=True))) for row in rows["partitions"]
            )
        return Board.model_validate(rows)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise BoardError(f"{name}: {where + ': ' if where else ''}{reason}") from None
    except (TypeError, ValueError) as error:
        raise BoardError(f"{name}: partitions: {error}") from None


def load(name: str) -> Board:
    """Return a board by the name of its folder. BoardError: it is not there, or cannot be."""
    if name not in names():
        raise BoardError(f"board: {name!r} is not one of {', '.join(names())}")
    try:
        values = values_of((boards_folder() / name / "board.py").read_text())
    except (SyntaxError, ValueError) as error:
        raise BoardError(f"{name}: {error}") from None
    board = check(values)
    if board.name != name:
        raise BoardError(f"{name}: name: it says {board.name}")
    return board
