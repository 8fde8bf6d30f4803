"""Changes to Python sources that leave every line where it is."""

import ast
from collections.abc import Iterable

Edit = tuple[int, int, int, int, str]
"""First line, column, last line, column (bytes, as ast has them), and what stands there then."""


def edit(node: ast.expr | ast.stmt | ast.alias, text: str) -> Edit:
    """Put `text` in the place of a node."""
    assert node.end_lineno is not None and node.end_col_offset is not None
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset, text


def applied(text: bytes, edits: list[Edit]) -> bytes:
    """Make edits that do not overlap; what had several lines still has as many."""
    lines = text.splitlines(keepends=True)
    for line, column, end_line, end_column, new in sorted(edits, reverse=True):
        before, after = lines[line - 1][:column], lines[end_line - 1][end_column:]
        lines[line - 1 : end_line] = [before + new.encode() + after, *[b"\n"] * (end_line - line)]
    return b"".join(lines)


def module_name(path: str) -> str:
    """Return the name of the module of a source, by its path in the image."""
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def words(trees: Iterable[ast.Module]) -> set[str]:
    """Words of all texts but docstrings: what may be looked up by its name."""
    found: set[str] = set()
    for tree in trees:
        said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
                found.update(node.value.split())
    return found
