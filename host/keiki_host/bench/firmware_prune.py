"""What the firmware names but never uses on a meter, left out before it is compiled; line numbers stay.

Modules, classes, functions, methods and tables that only the host uses, and imports that only annotations
need: each costs heap for its entry in a table of names, and a function for its code. A name is used if what a
meter can run has anything that looks like a use of it, if a text has it as a word, or if it is MicroPython's.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from keiki_host.bench.names_kept import FOR_READERS, asked_for
from keiki_host.bench.source_edits import Edit, applied, edit, module_name
from keiki_host.bench.stock_names import OTHERS, SHORT, STATIC

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_TABLES = (
    ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Name, ast.Attribute, ast.BinOp, ast.UnaryOp,
    ast.expr_context, ast.operator, ast.unaryop,
)  # fmt: skip
"""What a value may consist of that is made for its name alone."""


@dataclass(eq=False)
class _Part:
    """Something of a module that is left out unless its name is used; a method: only with its class."""

    module: str
    node: ast.stmt | ast.alias
    name: str
    uses: set[str]
    imports: set[str]
    of: "_Part | None" = None


def prune(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return sources (path in the image -> text) without what is never used at run time."""
    try:
        trees = {module_name(path): ast.parse(text) for path, text in sources.items()}
    except SyntaxError:
        return dict(sources)  # mpy-cross will say what is wrong
    pruning = _Pruning(trees)
    return {
        path: applied(text, list(pruning.edits(module_name(path))))
        for path, text in sources.items()
        if module_name(path) in pruning.reached
    }


class _Pruning:
    """Finds what a meter can run: from main and board on, and every hal, which is loaded by its name."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        self._trees = trees
        words, self._prefixes = asked_for(trees.values())
        self._names = {*words, *STATIC, *SHORT, *OTHERS}
        self.reached: set[str] = set()
        self._dead: list[_Part] = []
        self._live: set[_Part] = set()
        self._reach({"main", "board", *(name for name in trees if name.startswith("keiki.hal."))})
        while found := [part for part in self._dead if self._is_used(part)]:
            self._dead = [part for part in self._dead if part not in set(found)]
            for part in found:
                self._live.add(part)
                self._names |= part.uses
                self._reach(part.imports)

    def _is_used(self, part: _Part) -> bool:
        used = part.name in self._names or part.name.startswith(self._prefixes)
        return used and (part.of is None or part.of in self._live)

    def _reach(self, modules: set[str]) -> None:
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            if name in self.reached or name not in self._trees:
                continue
            self.reached.add(name)
            waiting.append(name.rpartition(".")[0])
            for node in self._trees[name].body:
                parts = list(_parts(name, node))
                self._dead += parts
                if not parts:
                    self._names |= _uses(node)
                    waiting += _imports(node)

    def edits(self, module: str) -> Iterator[Edit]:
        """What of one module goes."""
        dead = {id(part.node) for part in self._dead}
        for node in self._trees[module].body:
            if isinstance(node, ast.ImportFrom):
                left = [alias for alias in node.names if id(alias) not in dead]
                if len(left) < len(node.names):
                    names = ", ".join(
                        alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in left
                    )
                    yield edit(node, f"from {node.module} import {names}" if left else "pass")
            elif id(node) in dead:
                yield edit(node, "pass")
            elif isinstance(node, ast.ClassDef):
                yield from (edit(method, "pass") for method in node.body if id(method) in dead)
        for any_node in ast.walk(self._trees[module]):
            if isinstance(any_node, ast.Assign) and getattr(any_node.targets[0], "id", "") in FOR_READERS:
                yield edit(any_node, "pass")


def _parts(module: str, node: ast.stmt) -> Iterator[_Part]:
    """What a statement of a module consists of that may be left out; nothing: it is always run."""
    if isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            imports = {node.module, f"{node.module}.{alias.name}"}
            yield _Part(module, alias, alias.asname or alias.name, {alias.name}, imports)
    elif isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
        yield _Part(module, node, "TYPE_CHECKING", set(), set())
    elif isinstance(node, _Function) and not node.decorator_list:
        yield _Part(module, node, node.name, _uses(node), _imports(node))
    elif isinstance(node, ast.ClassDef) and not node.decorator_list:
        methods = [
            one
            for one in node.body
            if isinstance(one, _Function) and not one.decorator_list and not one.name.startswith("__")
        ]
        own = [one for one in ast.iter_child_nodes(node) if one not in methods]
        uses, imports = (set[str]().union(*map(found, own)) for found in (_uses, _imports))
        whole = _Part(module, node, node.name, uses, imports)
        yield whole
        for one in methods:
            yield _Part(module, one, one.name, _uses(one), _imports(one), whole)
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        if name not in FOR_READERS and all(isinstance(one, _TABLES) for one in ast.walk(node.value)):
            yield _Part(module, node, name, _uses(node.value), set())


def _uses(node: ast.AST) -> set[str]:
    """Names that code uses; MicroPython does not look at annotations."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Name):
            found.add(one.id)
        elif isinstance(one, ast.Attribute):
            found.add(one.attr)
        elif isinstance(one, ast.alias):
            found.add(one.name)
        for name, value in ast.iter_fields(one):
            if name not in ("annotation", "returns"):
                children = value if isinstance(value, list) else [value]
                waiting += [child for child in children if isinstance(child, ast.AST)]
    return found


def _imports(node: ast.AST) -> set[str]:
    """Modules that code imports."""
    found: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            found.update(alias.name for alias in one.names)
        elif isinstance(one, ast.ImportFrom) and one.module:
            found.update([one.module, *(f"{one.module}.{alias.name}" for alias in one.names)])
    return found
