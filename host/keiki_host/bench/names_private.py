"""Attributes that only one family of classes has: those of another family may have the same short names.

Such a name begins with _ and is used after `self.` only, within a class. A family is all classes that inherit
from each other, whatever they are called where they are imported.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from keiki_host.bench.source_uses import Module, Scope, Use

_NOBODY = ""


def families(modules: Iterable[Module]) -> dict[str, str]:
    """Return the family of each private name."""
    modules = list(modules)
    found: defaultdict[str, set[str]] = defaultdict(set)
    family = _Families(modules)
    for module in modules:
        uses = {id(use.node): use for use in module.uses}
        for use in module.uses:
            if use.name.startswith("_"):
                found[use.name].add(family.of(_owner(use, uses)))
    return {name: min(of) for name, of in found.items() if len(of) == 1 and _NOBODY not in of}


class _Families:
    def __init__(self, modules: Iterable[Module]) -> None:
        self._next: dict[str, str] = {}
        for module in modules:
            for one, other in _same(module):
                self._next[self._first(one)] = self._first(other)

    def _first(self, name: str) -> str:
        while name in self._next and self._next[name] != name:
            name = self._next[name]
        return name

    def of(self, name: str) -> str:
        """The family of a class; that of nobody is nobody's."""
        return self._first(name) if self._first(name) != self._first(_NOBODY) else _NOBODY


def _same(module: Module) -> Iterator[tuple[str, str]]:
    """Names of classes that inherit from each other, or may be one class."""
    for _, alias, use in module.imports:
        yield use.name, alias.name
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                yield node.name, _named(base)
        elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Attribute)):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, _named(node.value)


def _named(node: ast.expr) -> str:
    """What a class is called that an expression gives; nobody knows of all but names."""
    found = getattr(node, "id", getattr(node, "attr", _NOBODY))
    return str(found)


def _owner(use: Use, uses: dict[int, Use]) -> str:
    """The class whose attribute a name is, if that is sure."""
    scope: Scope | None = use.home
    if isinstance(use.node, ast.Attribute) and isinstance(use.node.value, ast.Name):
        of = uses[id(use.node.value)]
        method = of.home
        if of.name != "self" or method is None or not method.arguments or method.arguments[0].arg != "self":
            return _NOBODY
        scope = method.around
    if scope is not None and isinstance(scope.node, ast.ClassDef):
        return scope.node.name
    return _NOBODY
