"""Short names in the place of the firmware's own, before it is compiled; lines stay where they are.

A .mpy spells every name that is none of MicroPython's, and a board that copies code into its heap pays for it
there too. So what only the firmware knows gets a name that MicroPython has already, or one of two letters:
attributes and keywords by one table, global names by another (the one is never looked up where the other is,
but in the body of a class), and arguments that nobody gives by name by function. What nobody sees together
may share one: global names of two modules, private attributes of two families of classes (names_private.py).
Which names stay as they are is in names_kept.py.
"""

import ast
import builtins
import io
import itertools
import keyword
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from keiki_host.bench.names_kept import SPECIAL, Kept
from keiki_host.bench.names_private import families
from keiki_host.bench.source_edits import Edit, applied, edit
from keiki_host.bench.source_uses import Module, Scope, Use, retold
from keiki_host.bench.stock_names import SHORT, STATIC

PUBLIC, GLOBAL, LOCAL = "public", "global", "local"
_LETTERS = string.ascii_letters
FRESH = [*_LETTERS, *map("".join, itertools.product(_LETTERS, _LETTERS + string.digits))]
_CANDIDATES = [name for name in [*STATIC, *SHORT, *FRESH] if not keyword.iskeyword(name)]
_CANDIDATES = [name for name in dict.fromkeys(_CANDIDATES) if name not in SPECIAL]
_NEVER = {
    # whoever has a method of this name may be what this one is taken for
    PUBLIC: {"errno", "ioctl"}.union(
        *map(dir, (bytearray, dict, int, list, memoryview, set, str, tuple, OSError, io.RawIOBase)),
        dir(_ for _ in ()),
    ),
    GLOBAL: {*dir(builtins), "bytecode", "globals", "locals"},
    LOCAL: {"globals", "locals", "super"},
}


@dataclass
class Names:
    """New names by old ones: `public` of attributes and keywords, `globals` of what is global in a module.

    `files`: what code says that its file is -> path in the image.
    """

    public: dict[str, str] = field(default_factory=dict)
    globals: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def of(self, kind: str, name: str) -> str:
        """Return what a name is now."""
        return (self.public if kind == PUBLIC else self.globals).get(name, name)


def shorten(sources: Mapping[str, bytes]) -> tuple[dict[str, bytes], Names]:
    """Return sources (path in the image -> text) with short names, and which those are."""
    try:
        modules = {path: Module(text) for path, text in sources.items()}
    except SyntaxError:
        return dict(sources), Names()  # mpy-cross will say what is wrong
    app = _App(modules)
    return {path: app.renamed(module) for path, module in modules.items()}, app.names


def translated(program: str, names: Names) -> str:
    """Return a program that uses the firmware by its own names in those that it has on a board.

    What the program imports keeps its name in the program. Its own functions must not be called by keywords.
    """
    module = Module(program.encode())
    edits: list[Edit | None] = []
    imported: set[str] = set()
    for node, alias, use in module.imports:
        source = (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        if source.startswith("keiki."):
            imported.add(use.name)
            if alias.name in names.globals:
                edits.append(edit(alias, f"{names.globals[alias.name]} as {use.name}"))
    for use in module.uses:
        if use.home is None or use.home.is_class:
            of_module = isinstance(use.node, ast.Attribute) and getattr(use.node.value, "id", "") in imported
            new = names.of(GLOBAL if of_module else PUBLIC, use.name)
            edits.append(module.renaming(use, new) if new != use.name else None)
    return _applied(module, edits).decode()


def _applied(module: Module, edits: Iterable[Edit | None]) -> bytes:
    texts = {id(use.text): use.text for use in module.uses if use.text is not None}
    return applied(module.text, [*(one for one in edits if one is not None), *map(retold, texts.values())])


class _App:
    """All modules, what their names are now, and where two may not become the same."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self._modules = list(modules.values())
        self._keywords = {
            use.name for module in self._modules for use in module.uses if isinstance(use.node, ast.keyword)
        }
        self._kept = Kept(modules)
        uses = [(self._kind(use), use) for module in self._modules for use in module.uses]
        self._public = {use.name for kind, use in uses if kind == PUBLIC}
        self._globals = [{use.name for use in one.uses if self._kind(use) == GLOBAL} for one in self._modules]
        self._where: defaultdict[str, list[int]] = defaultdict(list)
        for number, names in enumerate(self._globals):
            for name in names:
                self._where[name].append(number)
        made = {PUBLIC: set[str](), GLOBAL: set[str]()}
        for kind, use in uses:
            if kind == PUBLIC and _is_made(use):
                made[PUBLIC].add(use.name)
        for module in self._modules:
            made[GLOBAL] |= module.top.names
        # what is global in one module may be an attribute of that in another one
        made[PUBLIC] |= made[GLOBAL] & self._public
        self._made = {
            kind: {name for name in found if not self._kept.stays(name)} for kind, found in made.items()
        }
        self._apart: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        for module in self._modules:
            for scope in module.scopes():
                self._keep_apart(scope)
        self._family = families(self._modules)
        self._private: defaultdict[str, set[str]] = defaultdict(set)
        self.names = Names()
        used = Counter(use.name for kind, use in uses if kind != LOCAL)
        for name, _ in used.most_common():
            self._give(name)

    def _kind(self, use: Use) -> str:
        if use.home is None or use.home.is_class:
            return PUBLIC
        if use.home.around is None:
            return GLOBAL
        given = use.name in self._keywords and any(one.arg == use.name for one in use.home.arguments)
        return PUBLIC if given else LOCAL

    def _keep_apart(self, scope: Scope) -> None:
        """Note which public names are looked up where global ones are: in classes, and as arguments."""
        if scope.is_class:
            public, within = scope.names, scope.used
        else:
            public = {one.arg for one in scope.arguments if one.arg in self._keywords}
            within = list(_within(scope)) if public else []
        for use in within:
            if self._kind(use) == GLOBAL:
                for name in public:
                    self._apart[PUBLIC, name].add((GLOBAL, use.name))
                    self._apart[GLOBAL, use.name].add((PUBLIC, name))

    def _give(self, name: str) -> None:
        """Give a name the best that is left."""
        kinds = [kind for kind in (PUBLIC, GLOBAL) if name in self._made[kind]]
        if not kinds:
            return
        near = {self.names.of(*other) for kind in kinds for other in self._apart[kind, name]}
        for new in _CANDIDATES:
            if new not in near and not any(self._is_taken(kind, name, new) for kind in kinds):
                break
        else:
            raise AssertionError("there are not so many short names")
        for kind in kinds:
            (self.names.public if kind == PUBLIC else self.names.globals)[name] = new
            if kind == GLOBAL:
                for number in self._where[name]:
                    self._globals[number].add(new)
            elif name in self._family:
                self._private[self._family[name]].add(new)
            else:
                self._public.add(new)

    def _is_taken(self, kind: str, name: str, new: str) -> bool:
        """Tell whether a new name is another's already, where somebody sees both."""
        if new in _NEVER[kind] or self._kept.is_said(new):
            return True
        if kind == GLOBAL:
            return any(new in self._globals[number] for number in self._where[name])
        if name in self._family:
            return new in self._public or new in self._private[self._family[name]]
        return new in self._public or any(new in others for others in self._private.values())

    def renamed(self, module: Module) -> bytes:
        """Return the text of a module with its new names."""
        names = _Locals(module, self._kind, self.names)
        imports = {id(use): (node, alias) for node, alias, use in module.imports}
        lists: dict[int, tuple[ast.Global | ast.Nonlocal, list[str]]] = {}
        edits: list[Edit | None] = []
        for use in module.uses:
            new = names.of(use)
            if id(use) in imports:
                edits.append(self._import(*imports[id(use)], new))
            elif isinstance(use.node, (ast.Global, ast.Nonlocal)):
                lists.setdefault(id(use.node), (use.node, []))[1].append(new)
            elif new != use.name:
                edits.append(module.renaming(use, new))
        for node, of in lists.values():
            edits.append(edit(node, f"{type(node).__name__.lower()} {', '.join(of)}"))
        return _applied(module, edits)

    def _import(self, node: ast.ImportFrom | ast.Import, alias: ast.alias, known_as: str) -> Edit | None:
        there = alias.name
        if isinstance(node, ast.ImportFrom) and node.module in self._kept.modules:
            there = self.names.of(GLOBAL, there)
        new = there if known_as == there.split(".")[0] and alias.asname is None else f"{there} as {known_as}"
        return edit(alias, there if known_as == there else new)


def _is_made(use: Use) -> bool:
    node = use.node
    return not isinstance(node, (ast.Name, ast.Attribute, ast.keyword)) or not isinstance(
        getattr(node, "ctx", ast.Load()), ast.Load
    )


def _within(scope: Scope) -> Iterator[Use]:
    """Yield the uses in a scope and in all that is in it."""
    yield from scope.used
    for inner in scope.inner:
        yield from _within(inner)


class _Locals:
    """What the names of one module are now, those within functions too: an argument and a function have names
    in a .mpy, other local names are only numbers there."""

    def __init__(self, module: Module, kind: Callable[[Use], str], names: Names) -> None:
        self._kind, self._names, self._top = kind, names, module.top
        self._local: dict[tuple[int, str], str] = {}
        self._number = 0
        self._visit(module.top, set())

    def of(self, use: Use) -> str:
        """Return what a name is now."""
        kind = self._kind(use)
        if kind == LOCAL:
            assert use.home is not None
            return self._local[id(use.home), use.name]
        # what no module makes is a builtin, or a word of an assembler
        if kind == GLOBAL and use.name not in self._top.names:
            return use.name
        return self._names.of(kind, use.name)

    def _visit(self, scope: Scope, around: set[str]) -> None:
        own = {use.name for use in _within(scope) if use.home is scope and self._kind(use) == LOCAL}
        if own:
            spelt = {use.name for use in scope.used if use.home is scope and _is_spelt(use.node)}
            fixed = {
                self.of(use) for use in _within(scope) if use.home is not None and self._kind(use) != LOCAL
            }
            taken = around | fixed | _NEVER[LOCAL]
            for name in sorted(own):
                if name == "self":
                    new = name
                elif name in spelt:
                    new = next(new for new in _CANDIDATES if new not in taken)
                else:
                    self._number += 1
                    new = f"_{self._number}"
                taken.add(new)
                around = around | {new}
                self._local[id(scope), name] = new
        for inner in scope.inner:
            self._visit(inner, around)


def _is_spelt(node: ast.AST) -> bool:
    return isinstance(node, (ast.arg, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
