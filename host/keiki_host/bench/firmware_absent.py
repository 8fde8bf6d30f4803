"""What comes behind the import of a module that a board is not given, left out before it is compiled.

It would never run: the import raises. The line numbers stay.
"""

import ast
from collections.abc import Iterator, Mapping

from keiki_host.bench.source_edits import Edit, applied, module_name
from keiki_host.bench.source_scopes import bound

_OURS = "keiki."


def cut(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return sources (path in the image -> text), `raise ImportError` in the place of what cannot be imported
    and of what follows it."""
    try:
        trees = {module_name(path): ast.parse(text) for path, text in sources.items()}
    except SyntaxError:
        return dict(sources)  # mpy-cross will say what is wrong
    return {
        path: applied(text, list(_edits(trees[module_name(path)], trees))) for path, text in sources.items()
    }


def _edits(tree: ast.Module, trees: Mapping[str, ast.Module]) -> Iterator[Edit]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        for _, value in ast.iter_fields(node):
            if not isinstance(value, list):
                continue
            inner = [one for one in value if isinstance(one, ast.AST)]
            at = next((n for n, one in enumerate(inner) if _is_absent(one, trees)), len(inner))
            waiting += inner[:at]
            if at < len(inner):
                first, last = inner[at], inner[-1]
                assert isinstance(first, ast.stmt) and isinstance(last, ast.stmt)
                assert last.end_lineno is not None and last.end_col_offset is not None
                yield (
                    first.lineno, first.col_offset, last.end_lineno, last.end_col_offset, "raise ImportError",
                )  # fmt: skip


def _is_absent(node: ast.AST, trees: Mapping[str, ast.Module]) -> bool:
    if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(_OURS):
        return False
    name = node.module or ""
    if name not in trees:
        return True
    if not any(other.startswith(f"{name}.") for other in trees):
        return False
    return any(f"{name}.{one.name}" not in trees and one.name not in bound(trees[name]) for one in node.names)
