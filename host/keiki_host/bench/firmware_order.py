"""The names that a module uses most come first in its .mpy: code spells the first 127 of them in one byte.

The others have two. mpy-cross takes names in the order in which it meets them: so it meets these in a list
that is made when the module is loaded, and forgotten at once.
"""

import ast
from collections import Counter
from collections.abc import Mapping

from keiki_host.bench.source_uses import Module

_FIRST = 124
"""mpy-cross has put the name of the file and of the module before them."""
_INTERNED = 10
"""Letters of the longest text that is a name to mpy-cross."""
_LARGE = 10_000
"""Bytes of a source that may have more names than that."""
_WORTH = 3 * _FIRST
"""Bytes that the list has itself."""


def order(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return sources (path in the image -> text), those that gain by it with their most used names first."""
    return {path: _ordered(text) for path, text in sources.items()}


def _ordered(text: bytes) -> bytes:
    if len(text) < _LARGE:
        return text
    try:
        module = Module(text)
    except SyntaxError:
        return text  # mpy-cross will say what is wrong
    if not module.tree.body or hasattr(module.tree.body[0], "body"):
        return text  # no list can stand on the line of a definition
    used = Counter(_spelt(module)).most_common()
    if sum(count for _, count in used[_FIRST:]) < _WORTH:
        return text
    return f"{[name for name, _ in used[:_FIRST]]}; ".encode() + text


def _spelt(module: Module) -> list[str]:
    """Every use of a name that is a number in the code."""
    arguments = {id(node) for node in ast.walk(module.tree) if isinstance(node, ast.arg)}
    found = [
        use.name
        for use in module.uses
        if use.home is None or use.home.around is None or use.home.is_class or id(use.node) in arguments
    ]
    said = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
    found += [
        node.value
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in said
        and len(node.value) <= _INTERNED
    ]
    found += [
        use.name for use in module.uses if isinstance(use.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    return found
