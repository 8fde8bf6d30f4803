"""What a firmware says when it fails, in the words of its sources: modules that were bundled, and names that
were made short, those of files too (firmware_bundle.py, firmware_names.py).
"""

import ast
import re
from collections.abc import Mapping

from keiki_host.bench.firmware_names import Names

_FILE = re.compile(r'(?<=File ")\w+(?=", line )')
_LINE = re.compile(r'File "(keiki/\w+)\.py", line (\d+)')
_WHERE = re.compile(r'File "([^"]+)", line (\d+), in (\w+)$')
_MISSING = re.compile(r"'(\w+)'( object has no attribute ')(\w+)'")
_ARGUMENT = re.compile(r"(keyword argument ')(\w+)'")


class Tracebacks:
    """Translates lines. `sources`: path in the image -> text; `order` as firmware_bundle has it.

    `numbered`: whether code has numbers of lines: without, a bundle is all that is told, and a function may
    be several.
    """

    def __init__(
        self,
        sources: Mapping[str, bytes],
        order: str,
        names: Names,
        *,
        numbered: bool = True,
        filling: str = "",
    ) -> None:
        """With no sources, lines stay as they are. `filling`: what names of files may have behind them."""
        self._filling = filling
        self._sources, self._order, self._names, self._numbered = sources, order, names, numbered
        self._public, self._globals = _turned(names.public), _turned(names.globals)

    def told(self, said: str) -> str:
        """Return one line that a firmware has printed, as its sources would have it."""
        said = _FILE.sub(lambda at: self._names.files.get(at[0].rstrip(self._filling), at[0]), said)
        if self._numbered:
            said = unbundled(said, self._order)
        found = _WHERE.search(said)
        if found is not None:
            return said[: found.start(3)] + self._function(found[1], int(found[2]), found[3])
        said = _MISSING.sub(self._missing, said)
        return _ARGUMENT.sub(lambda at: f"{at[1]}{self._public.get(at[2], at[2])}'", said)

    def _function(self, path: str, line: int, called: str) -> str:
        if self._numbered:
            return (_function_at(self._sources[path], line) if path in self._sources else "") or called
        found = [table[called] for table in (self._globals, self._public) if called in table]
        return " or ".join(found) or called

    def _missing(self, at: re.Match[str]) -> str:
        return f"'{self._globals.get(at[1], at[1])}'{at[2]}{self._public.get(at[3], at[3])}'"


def unbundled(said: str, order: str) -> str:
    """Return a line of a traceback with the module and the line that it means; `order` as in Tracebacks."""
    found = _LINE.search(said)
    bundles = {words[0]: words[1:] for words in map(str.split, order.split("\n")) if words}
    if found is None or found[1] not in bundles:
        return said
    line = int(found[2])
    for source, _, length in (word.partition(":") for word in bundles[found[1]]):
        if line <= int(length):
            return f'{said[: found.start()]}File "{source}", line {line}{said[found.end() :]}'
        line -= int(length)
    return said


def _turned(names: Mapping[str, str]) -> dict[str, str]:
    """Old names by new ones. Several may have become one, where nobody sees two of them."""
    found: dict[str, str] = {}
    for old, new in names.items():
        found[new] = f"{found[new]} or {old}" if new in found else old
    return found


def _function_at(text: bytes, line: int) -> str:
    """The name of the innermost function or class that runs a line; empty if none does."""
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and node.body[0].lineno <= line <= (node.end_lineno or 0)
    ]
    return max(found, key=lambda node: node.lineno).name if found else ""
