"""Where each name in a Python module stands and what it means there: something that anybody can reach (an
attribute, a keyword), something global, or something local to a function.
"""

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from keiki_host.bench.source_edits import Edit, edit
from keiki_host.bench.source_scopes import bound

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(eq=False)
class Scope:
    """A module, class or function; `names` are bound in it, `inner` are the scopes in it."""

    node: ast.AST
    around: "Scope | None"
    names: set[str]
    inner: "list[Scope]" = field(default_factory=list)
    used: "list[Use]" = field(default_factory=list)

    @property
    def is_class(self) -> bool:
        """Whether what is bound here is attributes."""
        return isinstance(self.node, ast.ClassDef)

    @property
    def arguments(self) -> list[ast.arg]:
        """The arguments of a function."""
        if not isinstance(self.node, _Function):
            return []
        has = self.node.args
        every = [*has.posonlyargs, *has.args, has.vararg, *has.kwonlyargs, has.kwarg]
        return [argument for argument in every if argument is not None]


@dataclass(eq=False)
class Use:
    """One place where a name stands. `home`: the scope that binds it; the module's, if it is global or
    nobody's; None for attributes and keywords. `text`: the f-string that it stands in."""

    node: ast.AST
    name: str
    home: Scope | None
    text: ast.JoinedStr | None = None


class Module:
    """The uses of names in one module, and the imports, which name two things each."""

    def __init__(self, text: bytes) -> None:
        """Read a module. SyntaxError: it is none."""
        self.text = text
        self.tree = ast.parse(text)
        self.top = Scope(self.tree, None, bound(self.tree))
        self.uses: list[Use] = []
        self.imports: list[tuple[ast.ImportFrom | ast.Import, ast.alias, Use]] = []
        self._in_text: ast.JoinedStr | None = None
        for node in self.tree.body:
            self._visit(node, self.top)

    def scopes(self) -> Iterator[Scope]:
        """Yield the module and every scope in it, from the outside in."""
        waiting = [self.top]
        while waiting:
            scope = waiting.pop()
            yield scope
            waiting += scope.inner

    def _use(self, node: ast.AST, name: str, home: Scope | None, at: Scope) -> Use:
        use = Use(node, name, home, self._in_text)
        self.uses.append(use)
        at.used.append(use)
        return use

    def _home(self, name: str, scope: Scope) -> Scope:
        """The scope that a name belongs to which is used in `scope`."""
        found: Scope | None = scope
        while found is not None and found.around is not None:
            if name in found.names and (found is scope or not found.is_class):
                return found
            found = found.around
        return self.top

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Name):
            self._use(node, node.id, self._home(node.id, scope), scope)
        elif isinstance(node, ast.Attribute):
            self._visit(node.value, scope)
            self._use(node, node.attr, None, scope)
        elif isinstance(node, ast.keyword):
            self._visit(node.value, scope)
            if node.arg is not None:
                self._use(node, node.arg, None, scope)
        elif isinstance(node, _Definition):
            self._definition(node, scope)
        elif isinstance(node, ast.Lambda):
            self._function(node, scope)
        elif isinstance(node, _Comprehension):
            inner = self._inside(node, scope)
            self._visit(node.generators[0].iter, scope)
            for child in ast.iter_child_nodes(node):
                if child is not node.generators[0]:
                    self._visit(child, inner)
            for part in (node.generators[0].target, *node.generators[0].ifs):
                self._visit(part, inner)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            for name in node.names:
                self._use(node, name, self._home(name, scope), scope)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                name = (alias.asname or alias.name).split(".")[0]
                self.imports.append((node, alias, self._use(alias, name, self._home(name, scope), scope)))
        else:
            self._plain(node, scope)

    def _plain(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.ExceptHandler) and node.name:
            self._use(node, node.name, self._home(node.name, scope), scope)
        around, self._in_text = self._in_text, self._in_text
        if isinstance(node, ast.JoinedStr) and around is None:
            self._in_text = node
        for name, value in ast.iter_fields(node):
            # MicroPython does not look at annotations
            for child in value if isinstance(value, list) else [value]:
                if name != "annotation" and isinstance(child, ast.AST):
                    self._visit(child, scope)
        self._in_text = around

    def _inside(self, node: ast.AST, scope: Scope) -> Scope:
        inner = Scope(node, scope, bound(node))
        scope.inner.append(inner)
        return inner

    def _definition(self, node: _Definition, scope: Scope) -> None:
        self._use(node, node.name, self._home(node.name, scope), scope)
        for decorator in node.decorator_list:
            self._visit(decorator, scope)
        if not isinstance(node, ast.ClassDef):
            self._function(node, scope)
            return
        for base in [*node.bases, *node.keywords]:
            self._visit(base, scope)
        inner = self._inside(node, scope)
        for child in node.body:
            self._visit(child, inner)

    def _function(self, node: _Function, scope: Scope) -> None:
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self._visit(default, scope)
        inner = self._inside(node, scope)
        for argument in inner.arguments:
            self._use(argument, argument.arg, inner, inner)
        for child in node.body if isinstance(node.body, list) else [node.body]:
            self._visit(child, inner)

    def renaming(self, use: Use, new: str) -> Edit | None:
        """Return the edit that gives a use another name; None if it is one within an f-string (`retold`), or
        of an import or a `global`, which name several things."""
        node = use.node
        if use.text is not None:
            _put(node, new)
            return None
        if isinstance(node, ast.Name):
            return edit(node, new)
        old = use.name.encode()
        if isinstance(node, (ast.arg, ast.keyword)):
            return node.lineno, node.col_offset, node.lineno, node.col_offset + len(old), new
        if isinstance(node, ast.Attribute):
            assert node.end_lineno is not None and node.end_col_offset is not None
            return node.end_lineno, node.end_col_offset - len(old), node.end_lineno, node.end_col_offset, new
        if isinstance(node, _Definition):
            return self._after(rb"(?:async\s+def|def|class)\s+", node.lineno, node.col_offset, old, new)
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None and node.type.end_lineno is not None
            assert node.type.end_col_offset is not None
            return self._after(rb"[)\s]*as\s+", node.type.end_lineno, node.type.end_col_offset, old, new)
        return None

    def _after(self, words: bytes, line: int, column: int, old: bytes, new: str) -> Edit:
        text = self.text.splitlines()[line - 1]
        found = re.compile(words + re.escape(old) + rb"\b").match(text, column)
        assert found is not None, text
        return line, found.end() - len(old), line, found.end(), new


def _put(node: ast.AST, new: str) -> None:
    for name in ("id", "attr", "arg"):
        if hasattr(node, name):
            setattr(node, name, new)


def retold(text: ast.JoinedStr) -> Edit:
    """Return the edit that writes an f-string as what MicroPython makes of it: a call of format."""
    arguments: list[str] = []
    return edit(text, f"{_template(text, arguments)!r}.format({', '.join(arguments)})")


def _template(text: ast.JoinedStr, arguments: list[str]) -> str:
    parts = []
    for part in text.values:
        if isinstance(part, ast.FormattedValue):
            arguments.append(ast.unparse(copy.copy(part.value)))
            how = "" if part.conversion < 0 else "!" + chr(part.conversion)
            if isinstance(part.format_spec, ast.JoinedStr):
                how += ":" + _template(part.format_spec, arguments)
            parts.append("{" + how + "}")
        else:
            assert isinstance(part, ast.Constant)
            parts.append(str(part.value).replace("{", "{{").replace("}", "}}"))
    return "".join(parts)
