"""Which names of the firmware stay as they are when it is given short ones (firmware_names.py).

Those of MicroPython itself (stock_names.py) and of what is imported from elsewhere; modules; exceptions,
because a crash says them; constants, which mpy-cross drops; and every word of a text, because it may be what
an attribute, a setting or an operation is asked for by. In `getattr(self, "op_" + name)`, all that begins so.
"""

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Mapping

from keiki_host.bench.source_edits import module_name
from keiki_host.bench.source_uses import Module
from keiki_host.bench.stock_names import ARGUMENTS, OTHERS, SHORT, STATIC

SPECIAL = {"bytecode", "const", "micropython", "native", "self", "super", "viper"}
"""Words to the compiler, and `self`, which is as short as can be."""
FOR_READERS = {"__all__", "__slots__"}
"""Names that MicroPython does not look at."""
_WORD = re.compile(r"\w+")
_BY_NAME = {"getattr", "hasattr", "setattr"}
_EXCEPTIONS = {
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}


class Kept:
    """Names that stay. `modules`: those of the firmware."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        """Look through modules, path in the image -> module."""
        self.modules = {module_name(path) for path in modules}
        self._words, self._prefixes = asked_for(module.tree for module in modules.values())
        self._names = {*STATIC, *SHORT, *OTHERS, *SPECIAL, *dir(builtins)}
        self._names.update(part for path in self.modules for part in path.split("."))
        for module in modules.values():
            given = {use.name for use in module.uses if isinstance(use.node, ast.keyword)}
            self._names |= given.intersection(ARGUMENTS)
            self._from_elsewhere(module)
            self._names.update(_constants(module.tree))
            self._names.update(_both(module))
        self._names |= _exceptions([module.tree for module in modules.values()])

    def stays(self, name: str) -> bool:
        """Tell whether a name stays."""
        return name in self._names or self.is_said(name)

    def is_said(self, name: str) -> bool:
        """Tell whether a text of the firmware may mean it."""
        return name in self._words or name.startswith(self._prefixes)

    def _from_elsewhere(self, module: Module) -> None:
        outside = set()
        for node, alias, use in module.imports:
            if isinstance(node, ast.Import) or node.module not in self.modules:
                self._names.add(alias.name)
                if alias.name not in self.modules:
                    outside.add(use.name)
        self._names.update(
            node.attr
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) in outside
        )


def asked_for(trees: Iterable[ast.Module]) -> tuple[set[str], tuple[str, ...]]:
    """Return the words of all texts, and what names begin with that are put together."""
    words: set[str] = set()
    prefixes = ["__"]
    for tree in trees:
        for node in _run_time(tree):
            if isinstance(node, ast.Constant):
                words.update(_words(node.value))
            elif isinstance(node, ast.Call):
                prefixes += _prefix(node)
    return words, tuple(prefixes)


def _run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all but annotations, docstrings and lists for readers, which MicroPython does not look at."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            list_ = isinstance(child, ast.Assign) and getattr(child.targets[0], "id", "") in FOR_READERS
            if isinstance(child, ast.AST) and not text and not list_:
                yield child
                yield from _run_time(child)


def _words(value: object) -> set[str]:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return set()
    # the log "half-hours" is the attribute half_hours
    return {*_WORD.findall(value), *_WORD.findall(value.replace("-", "_"))}


def _prefix(call: ast.Call) -> list[str]:
    """What the name that a call asks for begins with, if that is told."""
    if not (isinstance(call.func, ast.Name) and call.func.id in _BY_NAME):
        return []
    name = call.args[1]
    if isinstance(name, ast.BinOp) and isinstance(name.left, ast.Constant):
        return [str(name.left.value)]
    return []


def _constants(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        called = (
            node.value.func if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) else None
        )
        if isinstance(node, ast.Assign) and getattr(called, "id", None) == "const":
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _both(module: Module) -> Iterator[str]:
    """Names that are global, and an attribute of a class that may mean the global one in its body."""
    for scope in module.scopes():
        if scope.is_class:
            yield from (use.name for use in scope.used if use.home is scope and use.name in module.top.names)


def _exceptions(trees: list[ast.Module]) -> set[str]:
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found = set(_EXCEPTIONS)
    while True:
        more = {
            node.name
            for node in classes
            for base in node.bases
            if getattr(base, "id", getattr(base, "attr", "")) in found
        }
        if more <= found:
            return found
        found |= more
