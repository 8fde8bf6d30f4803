"""Which names in a Python module are its own global names: those that no function or class makes local.

One thing is not understood: a class that reads a global name and makes an attribute of the same name of it.
"""

import ast
from collections.abc import Iterator

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_SCOPES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


def own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what belongs to the scope of a module, function or class; scopes in it as a whole."""
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        child = waiting.pop()
        yield child
        if not isinstance(child, _SCOPES):
            waiting += ast.iter_child_nodes(child)


def bound(scope: ast.AST) -> set[str]:
    """Return the names that are made in a scope, without those that it says are global."""
    names: set[str] = set()
    elsewhere: set[str] = set()
    if isinstance(scope, _Function):
        arguments = scope.args
        every = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        names.update(argument.arg for argument in every if argument is not None)
    for node in own(scope):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
            names.add(node.name or "")
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            elsewhere.update(node.names)
    return names - elsewhere


def global_names(tree: ast.Module) -> Iterator[ast.Name]:
    """Yield every use and every binding, by an assignment, of a name that is global in the module."""
    yield from _globals(tree, [])


def _globals(scope: ast.AST, around: list[set[str]]) -> Iterator[ast.Name]:
    local = set() if isinstance(scope, ast.Module) else bound(scope)
    # what a class makes is not seen by the functions in it
    inside = around if isinstance(scope, ast.ClassDef) else [*around, local]
    outer = {id(node) for node in _outside(scope)}
    for node in own(scope):
        if isinstance(node, ast.Name) and id(node) not in outer and not _hides(node.id, [*around, local]):
            yield node
        elif isinstance(node, _SCOPES):
            yield from _globals(node, inside)
            for part in _outside(node):
                if isinstance(part, ast.Name) and not _hides(part.id, [*around, local]):
                    yield part


def _outside(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in a scope but is looked up around it: defaults, decorators, bases."""
    parts: list[ast.AST | None] = []
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
        parts += [*scope.decorator_list, *scope.args.defaults, *scope.args.kw_defaults]
    elif isinstance(scope, ast.Lambda):
        parts += [*scope.args.defaults, *scope.args.kw_defaults]
    elif isinstance(scope, ast.ClassDef):
        parts += [*scope.decorator_list, *scope.bases, *(word.value for word in scope.keywords)]
    for part in parts:
        if part is not None:
            yield part
            yield from (node for node in ast.walk(part) if node is not part)


def _hides(name: str, scopes: list[set[str]]) -> bool:
    return any(name in scope for scope in scopes)
