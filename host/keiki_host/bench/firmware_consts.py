"""Constants of the firmware in the place of their names, across modules, before it is compiled.

MicroPython folds `NAME = const(1)` within one module only. A name that others import costs heap on a meter
for each module that knows it, and an entry in the table of all names, which doubles when it is full: with
both routes that is 40 KB of the emulated meter's heap. So the image gets numbers; line numbers stay.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from keiki_host.bench.source_edits import Edit, applied, edit, module_name, words

_COMPAT = "keiki.wire.compat"
_DEEPEST = 4
"""Modules that a constant may come through."""

_OPERATORS = {
    ast.Add: int.__add__,
    ast.Sub: int.__sub__,
    ast.Mult: int.__mul__,
    ast.FloorDiv: int.__floordiv__,
    ast.LShift: int.__lshift__,
    ast.RShift: int.__rshift__,
    ast.BitOr: int.__or__,
    ast.BitAnd: int.__and__,
}


@dataclass
class _Module:
    """One source. `names`: local name -> (module, name there) of what it imports; `modules`: local name ->
    module; `rebound`: names that are something else somewhere in it; `folded`: how often mpy-cross folds."""

    name: str
    text: bytes
    tree: ast.Module
    consts: dict[str, int] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    rebound: set[str] = field(default_factory=set)
    folded: int = 0


def fold(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return sources (path in the image -> text) with the constants of modules folded into each other.

    As they are if one of them is no Python: mpy-cross says so with its own words.
    """
    modules = {}
    for path, text in sources.items():
        name = module_name(path)
        try:
            modules[name] = _Module(name, text, ast.parse(text))
        except SyntaxError:
            return dict(sources)
    for module in modules.values():
        _look(module, modules)
    for _ in range(_DEEPEST):
        for module in modules.values():
            _evaluate(module, modules)
    kept = {("", word) for word in words(module.tree for module in modules.values())}
    for module in modules.values():
        kept.update(_unclear(module))
    return {
        path: _rewritten(module, modules, kept)
        for path, module in zip(sources, modules.values(), strict=True)
    }


def _look(module: _Module, modules: Mapping[str, _Module]) -> None:
    """Find out what a module imports, and which names in it are not only constants."""
    stored: list[str] = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                local = alias.asname or alias.name
                if f"{node.module}.{alias.name}" in modules:
                    module.modules[local] = f"{node.module}.{alias.name}"
                else:
                    module.names[local] = (node.module, alias.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            stored.append(node.id)
        elif isinstance(node, ast.arg):
            module.rebound.add(node.arg)
        elif isinstance(node, ast.Global):
            module.rebound.update(node.names)
        elif isinstance(node, ast.JoinedStr):
            # where names stand in an f-string is not known
            module.rebound.update(inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))
    module.rebound.update(name for name in stored if stored.count(name) > 1)
    module.folded = sum(1 for _ in _definitions(module))


def _definitions(module: _Module) -> Iterator[tuple[str, ast.Assign, ast.expr]]:
    """Each `NAME = const(expression)` of a module that is nothing else besides."""
    for node in module.tree.body:
        if (
            isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name)
            and node.value.func.id == "const"
            and node.targets[0].id not in module.rebound
        ):
            yield node.targets[0].id, node, node.value.args[0]


def _evaluate(module: _Module, modules: Mapping[str, _Module]) -> None:
    """Give constants their values as far as that is possible now."""
    for name, _, expression in _definitions(module):
        value = _value(expression, module, modules)
        if value is not None:
            module.consts[name] = value


def _value(node: ast.expr, module: _Module, modules: Mapping[str, _Module]) -> int | None:
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.Name) and node.id in module.consts:
        return module.consts[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand, module, modules)
        return None if value is None else -value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _value(node.left, module, modules), _value(node.right, module, modules)
        return None if left is None or right is None else _OPERATORS[type(node.op)](left, right)
    return _foreign(node, module, modules)


def _foreign(node: ast.AST, module: _Module, modules: Mapping[str, _Module]) -> int | None:
    """The value of a name that is a constant of another module."""
    if isinstance(node, ast.Name) and node.id not in module.rebound:
        home, name = module.names.get(node.id, ("", ""))
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        home, name = module.modules.get(node.value.id, ""), node.attr
        if node.value.id in module.rebound:
            return None
    else:
        return None
    return modules[home].consts.get(name) if home in modules else None


def _unclear(module: _Module) -> Iterator[tuple[str, str]]:
    """(module, name there) of what is used where its name means something else too: that stays as it is."""
    for local, what in module.names.items():
        if local in module.rebound:
            yield what
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            local = node.value.id
            if local in module.rebound and local in module.modules:
                yield module.modules[local], node.attr


def _rewritten(module: _Module, modules: Mapping[str, _Module], kept: set[tuple[str, str]]) -> bytes:
    # mpy-cross itself keeps no name that begins with _
    gone = {
        name: statement
        for name, statement, _ in _definitions(module)
        if name in module.consts and name[0] != "_" and not {("", name), (module.name, name)} & kept
    }
    edits: list[Edit] = [edit(statement, "pass") for statement in gone.values()]
    within = {id(node) for statement in gone.values() for node in ast.walk(statement)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            edits += _import(node, module, modules)
        elif isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in within:
            own = module.consts[node.id] if isinstance(node, ast.Name) and node.id in gone else None
            value = _foreign(node, module, modules) if own is None else own
            if value is not None:
                edits.append(edit(node, str(value) if value >= 0 else f"({value})"))
    return applied(module.text, edits)


def _called(module: _Module) -> int:
    """How often a module says `const`."""
    return sum(isinstance(inner, ast.Name) and inner.id == "const" for inner in ast.walk(module.tree))


def _import(node: ast.ImportFrom, module: _Module, modules: Mapping[str, _Module]) -> list[Edit]:
    """An import without the names that are numbers now, and without `const`, which is a word to mpy-cross."""
    left = [
        alias
        for alias in node.names
        if (alias.name != "const" or node.module != _COMPAT or _called(module) > module.folded)
        and _foreign(ast.Name(alias.asname or alias.name, ast.Load()), module, modules) is None
    ]
    if len(left) == len(node.names):
        return []
    names = ", ".join(alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in left)
    return [edit(node, f"from {node.module} import {names}" if left else "pass")]
