"""What the modules of a bundle import at their beginnings, each name once; lines stay where they are."""

import ast
from collections.abc import Iterator, Mapping

from keiki_host.bench.source_edits import Edit, applied, edit


def once(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return sources (path in the image -> text) without imports at the top that were made above."""
    try:
        return {path: applied(text, list(_again(ast.parse(text)))) for path, text in sources.items()}
    except SyntaxError:
        return dict(sources)  # mpy-cross will say what is wrong


def _again(tree: ast.Module) -> Iterator[Edit]:
    seen: set[tuple[str, str, str]] = set()
    for node in tree.body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        home = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        found = [(home, alias.name, alias.asname or alias.name) for alias in node.names]
        new = [name for name in found if name not in seen]
        seen.update(new)
        if len(new) < len(found):
            names = ", ".join(name + (f" as {known}" if known != name else "") for _, name, known in new)
            begin = f"from {home} import " if home else "import "
            yield edit(node, begin + names if new else "pass")
