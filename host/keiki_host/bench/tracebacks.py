"""What a firmware says when it fails, in the words of its sources: modules that were bundled, and names that
were made short (firmware_bundle.py, firmware_names.py).
"""

import ast
import re
from collections.abc import Mapping

from keiki_host.bench.firmware_bundle import unbundled
from keiki_host.bench.firmware_names import Names

_WHERE = re.compile(r'File "([^"]+)", line (\d+), in (\w+)$')
_MISSING = re.compile(r"'(\w+)'( object has no attribute ')(\w+)'")
_ARGUMENT = re.compile(r"(keyword argument ')(\w+)'")


class Tracebacks:
    """Translates lines. `sources`: path in the image -> text; `order` as firmware_bundle has it."""

    def __init__(self, sources: Mapping[str, bytes], order: str, names: Names) -> None:
        """With no sources, lines stay as they are."""
        self._sources, self._order = sources, order
        self._public = {new: old for old, new in names.public.items()}
        self._globals = {new: old for old, new in names.globals.items()}

    def told(self, said: str) -> str:
        """Return one line that a firmware has printed, as its sources would have it."""
        said = unbundled(said, self._order)
        found = _WHERE.search(said)
        if found is not None and found[1] in self._sources:
            called = _function_at(self._sources[found[1]], int(found[2]))
            return said[: found.start(3)] + (called or found[3])
        said = _MISSING.sub(self._missing, said)
        return _ARGUMENT.sub(lambda at: f"{at[1]}{self._public.get(at[2], at[2])}'", said)

    def _missing(self, at: re.Match[str]) -> str:
        return f"'{self._globals.get(at[1], at[1])}'{at[2]}{self._public.get(at[3], at[3])}'"


def _function_at(text: bytes, line: int) -> str:
    """The name of the innermost function or class that runs a line; empty if none does."""
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and node.body[0].lineno <= line <= (node.end_lineno or 0)
    ]
    return max(found, key=lambda node: node.lineno).name if found else ""
