"""What the firmware names but never uses on a meter, left out before it is compiled; line numbers stay.

Modules and functions that only the host uses, and imports that only annotations need: each costs heap for its
entry in a table of names, and a function for its code.
"""

import ast
from collections.abc import Iterator, Mapping

from keiki_host.bench.source_edits import Edit, applied, edit, words

_FOR_READERS = {"__all__", "__slots__"}
"""Names that MicroPython does not look at."""


def prune(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return sources (path in the image -> text) without what is never used at run time.

    A name counts as used if anything in a module that a meter can load looks like a use of it.
    """
    try:
        trees = {_module(path): ast.parse(text) for path, text in sources.items()}
    except SyntaxError:
        return dict(sources)  # mpy-cross will say what is wrong
    reached = _reached(trees)
    attributes = words(trees.values())
    imported: set[tuple[str, str]] = set()
    for name in reached:
        for node in ast.walk(trees[name]):
            if isinstance(node, ast.Attribute):
                attributes.add(node.attr)
            elif isinstance(node, ast.ImportFrom):
                imported.update((node.module or "", alias.name) for alias in node.names)
    return {
        path: applied(text, list(_edits(_module(path), trees[_module(path)], attributes, imported)))
        for path, text in sources.items()
        if _module(path) in reached
    }


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def _reached(trees: Mapping[str, ast.Module]) -> set[str]:
    """Modules that a meter can load: from main and board on, and every hal, which is loaded by its name."""
    waiting = ["main", "board", *(name for name in trees if name.startswith("keiki.hal."))]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in reached or name not in trees:
            continue
        reached.add(name)
        waiting.append(name.rpartition(".")[0])
        for node in ast.walk(trees[name]):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return reached


def _run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but annotations, which MicroPython does not look at."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child
                yield from _run_time(child)


def _edits(
    module: str, tree: ast.Module, attributes: set[str], imported: set[tuple[str, str]]
) -> Iterator[Edit]:
    """What of one module goes."""
    used = {node.id for node in _run_time(tree) if isinstance(node, ast.Name)}

    def needed(name: str) -> bool:
        # MicroPython itself asks for names like __getattr__
        return name.startswith("__") or name in used or name in attributes or (module, name) in imported

    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            left = [alias for alias in node.names if needed(alias.asname or alias.name)]
            if len(left) < len(node.names):
                names = ", ".join(
                    alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in left
                )
                yield edit(node, f"from {node.module} import {names}" if left else "pass")
        elif isinstance(node, ast.FunctionDef) and not node.decorator_list and not needed(node.name):
            yield edit(node, "pass")
    for any_node in ast.walk(tree):
        if isinstance(any_node, ast.Assign) and getattr(any_node.targets[0], "id", "") in _FOR_READERS:
            yield edit(any_node, "pass")
