"""Many modules as one, before they are compiled: each module has a table of names of its own on the heap, and
an entry in it for whatever it imports. Their lines follow each other without a gap: code spells the number of
a function's first line in steps of 2047.

A module is bundled if it is loaded at every start (of the meter, its switch or its A-route; on a board also
what its parts need), and if everybody uses it by its names only. The others import from the bundle what they
imported from it.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from keiki_host.bench.source_edits import Edit, applied, edit, module_name
from keiki_host.bench.source_scopes import bound, global_names

_CORE = "keiki.core"
BUNDLES = {
    _CORE: "keiki.meter.app",
    "keiki.supply": "keiki.meter.supply",
    "keiki.cosem": "keiki.wire.cosem.server",
    "keiki.aroute": "keiki.meter.route_a",
}
"""Module of the image -> the module that it begins with. Of two together the heap of a Pico W has no room."""

ORDER = "modules.txt"
"""In the image: a line for each bundle, its name, then source:lines of each of its modules."""

_NEWLINE = b"\n"
_ALONE = ("keiki.hal.", "keiki.wire.compat")


@dataclass
class _Module:
    name: str
    text: bytes
    tree: ast.Module
    aliases: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Local name -> (module, name there), or (module, "") for a module."""


@dataclass
class _Bundle:
    name: str
    modules: list[str]
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    """(module, name there) -> name in the bundle."""


def bundle(sources: Mapping[str, bytes], always: Collection[str] = ()) -> dict[str, bytes]:
    """Return sources (path in the image -> text) with BUNDLES in the place of their modules.

    `always`: modules that functions of the core import, and do so at every start.
    """
    try:
        named = {module_name(path): text for path, text in sources.items()}
        modules = {name: _Module(name, text, ast.parse(text)) for name, text in named.items()}
    except SyntaxError:
        return dict(sources)  # mpy-cross will say what is wrong
    for module in modules.values():
        module.aliases = _aliases(module, modules)
    known = {*BUNDLES.values(), *always}
    alone = {module for found in modules.values() for module in _as_values(found, known)}
    taken: set[str] = set()
    bundles = []
    for name, first in BUNDLES.items():
        firsts = [first, *always] if name == _CORE else [first]
        chosen = _closure(firsts, modules, alone | taken)
        taken.update(chosen)
        if chosen:
            bundles.append(_Bundle(name, chosen))
    homes = {module: found for found in bundles for module in found.modules}
    for module in modules.values():
        module.aliases = {local: _resolved(what, modules, homes) for local, what in module.aliases.items()}
    for found in bundles:
        found.names = _names(found, modules)
    result = {
        path: applied(text, list(_changes(modules[module_name(path)], modules, homes, None)))
        for path, text in sources.items()
        if module_name(path) not in homes
    }
    order = []
    for found in bundles:
        path = found.name.replace(".", "/")
        texts = {name: _text(name, found, modules, homes) for name in found.modules}
        result[path + ".py"] = b"".join(texts.values())
        lengths = [f"{name.replace('.', '/')}.py:{text.count(_NEWLINE)}" for name, text in texts.items()]
        order.append(" ".join([path, *lengths]))
    return {**result, ORDER: "".join(line + "\n" for line in ["", *order]).encode()}


def _aliases(module: _Module, modules: Mapping[str, _Module]) -> dict[str, tuple[str, str]]:
    found = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.update({alias.asname or alias.name: _target(node, alias, modules) for alias in node.names})
        elif isinstance(node, ast.Import):
            for plain in node.names:
                found[plain.asname or plain.name.split(".")[0]] = (plain.name, "")
    return found


def _target(node: ast.ImportFrom, alias: ast.alias, modules: Mapping[str, _Module]) -> tuple[str, str]:
    """(module, name there) of what is imported; (module, "") for a module."""
    whole = f"{node.module}.{alias.name}"
    return (whole, "") if whole in modules else (node.module or "", alias.name)


def _resolved(
    what: tuple[str, str], modules: Mapping[str, _Module], homes: Mapping[str, "_Bundle"]
) -> tuple[str, str]:
    """Follow a name through bundled modules that have only imported it themselves."""
    while what[1] and what[0] in homes:
        further = modules[what[0]].aliases.get(what[1])
        if further is None or not further[1] or further[0] not in homes:
            break
        what = further
    return what


def _as_values(module: _Module, known: Collection[str]) -> Iterator[str]:
    """Modules that are something else here than the word before a dot; in functions: than `known`."""
    before_dots = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
    for name in global_names(module.tree):
        target, attribute = module.aliases.get(name.id, ("", " "))
        if not attribute and id(name) not in before_dots:
            yield target
    for node in ast.walk(module.tree):
        # a module that is imported within a function is not global there: who does that may do anything
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and inner.module not in known:
                    yield inner.module or ""
                    yield from (f"{inner.module}.{alias.name}" for alias in inner.names)


def _closure(firsts: list[str], modules: Mapping[str, _Module], without: set[str]) -> list[str]:
    """Modules that are loaded with `firsts`, in the order in which they run."""
    order: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in seen or name not in modules:
            return
        seen.add(name)
        for node in modules[name].tree.body:
            if isinstance(node, ast.ImportFrom) and node.module:
                visit(node.module)
                for alias in node.names:
                    visit(f"{node.module}.{alias.name}")
        may = name.startswith("keiki.") and not name.startswith(_ALONE) and not _is_package(name, modules)
        if may and name not in without:
            order.append(name)

    for first in firsts:
        visit(first)
    return order


def _is_package(name: str, modules: Mapping[str, _Module]) -> bool:
    return any(other.startswith(name + ".") for other in modules)


def _names(found: _Bundle, modules: Mapping[str, _Module]) -> dict[tuple[str, str], str]:
    """Give every global name of the modules a name in the bundle: its own, where nothing else has it."""
    local: set[str] = set()
    meanings: dict[str, set[tuple[str, str]]] = {}
    for name in found.modules:
        tree = modules[name].tree
        for word in bound(tree):
            # what several modules import from elsewhere is one and the same thing
            meanings.setdefault(word, set()).add(modules[name].aliases.get(word, (name, word)))
        for node in ast.walk(tree):
            if node is not tree and isinstance(
                node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.comprehension)
            ):
                local |= bound(node)
    names = {}
    for number, name in enumerate(found.modules):
        for word in bound(modules[name].tree):
            own_name = len(meanings[word]) == 1 and word not in local
            names[name, word] = word if own_name else f"{word}__{number}"
    return names


def _changes(
    module: _Module, modules: Mapping[str, _Module], homes: Mapping[str, _Bundle], here: _Bundle | None
) -> Iterator[Edit]:
    """What becomes of a module in a bundle (`here`), or of one that uses bundles."""
    before_dots: dict[int, ast.Attribute] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            before_dots[id(node.value)] = node
    for name in global_names(module.tree):
        target, attribute = module.aliases.get(name.id, ("", ""))
        home = homes.get(target)
        if home is not None and not attribute:
            dotted = before_dots[id(name)]
            home, what = _of(target, dotted.attr, modules, homes)
            yield edit(dotted, _called(home, what, here))
        elif home is not None and home is here:
            yield edit(name, home.names[target, attribute])
        elif here is not None and (module.name, name.id) in here.names:
            new = here.names[module.name, name.id]
            if new != name.id:
                yield edit(name, new)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            yield from _import(node, module, modules, homes, here)
        elif isinstance(node, ast.Global) and here is not None:
            yield edit(node, "global " + ", ".join(here.names[module.name, name] for name in node.names))
    if here is not None:
        yield from _definitions(module, here)


def _of(
    target: str, attribute: str, modules: Mapping[str, _Module], homes: Mapping[str, _Bundle]
) -> tuple[_Bundle, tuple[str, str]]:
    """Where a name of a bundled module comes from in the end: the bundle, and the name there."""
    what = _resolved((target, attribute), modules, homes)
    return homes[what[0]], what


def _called(home: _Bundle, what: tuple[str, str], here: _Bundle | None) -> str:
    """What a name of a bundled module is called in another module, or in its own bundle."""
    name = home.names[what]
    return name if home is here or "__" in name else f"{name}__0"


def _definitions(module: _Module, here: _Bundle) -> Iterator[Edit]:
    for node in module.tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            new = here.names[module.name, node.name]
            if new != node.name:
                line = module.text.splitlines()[node.lineno - 1]
                at = line.index(node.name.encode(), node.col_offset + 3)
                yield node.lineno, at, node.lineno, at + len(node.name), new
        elif isinstance(node, ast.Import):
            called = [(alias.name, alias.asname or alias.name) for alias in node.names]
            parts = [f"{name} as {here.names[module.name, own]}" for name, own in called]
            yield edit(node, "import " + ", ".join(parts))


def _import(
    node: ast.ImportFrom,
    module: _Module,
    modules: Mapping[str, _Module],
    homes: Mapping[str, _Bundle],
    here: _Bundle | None,
) -> Iterator[Edit]:
    """Import from bundles what was imported from their modules; within a bundle nothing need be."""
    left: list[str] = []
    moved: dict[str, list[str]] = {}
    within: list[str] = []
    for alias in node.names:
        local = alias.asname or alias.name
        target, attribute = _resolved(_target(node, alias, modules), modules, homes)
        home = homes.get(target)
        if home is None:
            own = here.names.get((module.name, local), local) if here is not None else local
            left.append(alias.name + (f" as {own}" if own != alias.name else ""))
        elif home is here and node.col_offset:
            within.append(f"{local} = {home.names[target, attribute]}")
        elif home is not here:
            attributes = {attribute} if attribute else _attributes(local, module)
            for name in sorted(attributes):
                home, what = _of(target, name, modules, homes) if not attribute else (home, (target, name))
                new = _called(home, what, here)
                known_as = local if attribute else new
                if attribute and here is not None:
                    known_as = here.names.get((module.name, local), local)
                real = home.names[what]
                moved.setdefault(home.name, []).append(real + (f" as {known_as}" if known_as != real else ""))
    if len(left) == len(node.names) and all(" as " not in name for name in left):
        return
    parts = [f"from {node.module} import {', '.join(left)}"] if left else []
    parts += [f"from {home} import {', '.join(names)}" for home, names in moved.items()] + within
    yield edit(node, "; ".join(parts) or "pass")


def _attributes(local: str, module: _Module) -> set[str]:
    """What is used of a module that is called `local`."""
    return {
        node.attr
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == local
    }


def _text(name: str, found: _Bundle, modules: Mapping[str, _Module], homes: Mapping[str, _Bundle]) -> bytes:
    module = modules[name]
    text = applied(module.text, list(_changes(module, modules, homes, found)))
    return text if text.endswith(_NEWLINE) or not text else text + _NEWLINE
