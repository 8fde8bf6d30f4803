"""The folder says what a file may touch: the import rules of the design, and the length of modules."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("firmware", "boards", "host")
    for path in (ROOT / folder).rglob("*.py")
)
LINES_MAX = 300

PURE = {"array", "binascii", "collections", "hashlib", "struct"}
HARDWARE = {"esp32", "machine", "network", "rp2"}
FIRMWARE = PURE | {"asyncio", "gc", "json"}

# path: packages of the project it may import, modules from outside; the longest path that fits is the rule
RULES: dict[str, tuple[set[str], set[str] | None]] = {
    "boards/": (set(), set()),
    "boards/unix/start.py": (set(), {"gc", "main", "os", "selector", "sys", "uctypes", "vfs"}),
    "firmware/main.py": ({"keiki.meter"}, {"board"}),
    "firmware/start.py": (set(), {"keiki_main", "machine", "os", "selector", "sys", "vfs"}),
    "firmware/selector.py": (set(), {"json", "os"}),
    "firmware/keiki/__init__.py": (set(), set()),
    "firmware/keiki/wire/": ({"keiki.wire"}, PURE),
    "firmware/keiki/wire/compat.py": ({"keiki.wire"}, {"cryptolib", "micropython"}),
    "firmware/keiki/wire/cosem/gcm_host.py": (set(), {"cryptography"}),
    "firmware/keiki/drivers/": ({"keiki.drivers", "keiki.wire"}, PURE | {"asyncio"}),
    "firmware/keiki/meter/": ({"keiki.drivers", "keiki.meter", "keiki.wire"}, FIRMWARE),
    "firmware/keiki/meter/app.py": (
        {"keiki.drivers", "keiki.hal", "keiki.meter", "keiki.wire"},
        FIRMWARE | {"board", "sys"},
    ),
    "firmware/keiki/hal/": ({"keiki.hal", "keiki.wire"}, None),  # None: anything
    # its raw flash is a chip on a bus, and a chip has a driver
    "firmware/keiki/hal/rp2.py": ({"keiki.drivers.spinor", "keiki.hal", "keiki.wire"}, None),
    "host/": ({"keiki.wire", "keiki_host"}, None),
    "host/keiki_host/fleet/": ({"keiki.meter", "keiki.wire", "keiki_host"}, None),
}
MAY_NAME_HAL = ("firmware/keiki/hal/", "firmware/keiki/meter/app.py", "host/keiki_host/bench/firmware_")
MAY_TRY_IMPORTS = ("firmware/keiki/wire/compat.py",)
MAY_KNOW_IT_IS_EMULATED = ("firmware/keiki/hal/unix.py", "boards/unix/", "host/")


def _within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def _runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but what stands under `if TYPE_CHECKING:`, which no interpreter runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _runtime_nodes(node)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        if node.level:
            return ["." * node.level]
        base = node.module or ""
        # `from keiki import wire` imports keiki.wire; `from keiki.wire import x` may be an attribute
        return [f"{base}.{alias.name}" for alias in node.names] if base == "keiki" else [base]
    return []


def _import_fault(path: str, name: str) -> str | None:
    rule = max((prefix for prefix in RULES if path.startswith(prefix)), key=len)
    project, outside = RULES[rule]
    top = name.split(".", maxsplit=1)[0]
    if top in ("keiki", "keiki_host"):
        # the host looks up where the firmware is: the package itself is empty
        allowed = _within(name, project) or (name == "keiki" and rule == "host/")
    elif top in HARDWARE:
        allowed = rule.startswith("firmware/keiki/hal/") or top in (outside or ())
    elif name.startswith("."):
        return "imports relatively"
    else:
        allowed = outside is None or top in outside
    return None if allowed else f"imports {name}"


def faults_of(path: str, source: str) -> list[str]:
    """What a module does that its folder forbids."""
    faults = []
    for node in _runtime_nodes(ast.parse(source)):
        faults += [fault for name in _imported(node) if (fault := _import_fault(path, name))]
        word = ""
        if isinstance(node, (ast.Name, ast.Attribute, ast.arg, ast.keyword)):
            word = str(getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "arg", None))
        emulated = any(part in word.lower() for part in ("simul", "emulat"))
        if emulated and not path.startswith(MAY_KNOW_IT_IS_EMULATED):
            faults.append(f"asks about {word}")
        if word == "__import__" and path != "firmware/keiki/meter/app.py":
            faults.append("imports by name")
        names_hal = isinstance(node, ast.Constant) and str(node.value).startswith("keiki.hal")
        if names_hal and not path.startswith(MAY_NAME_HAL):
            faults.append("names keiki.hal")
        if isinstance(node, ast.ExceptHandler) and path.startswith("firmware/keiki/"):
            caught = ast.unparse(node.type) if node.type else ""
            if "ImportError" in caught and path not in MAY_TRY_IMPORTS:
                faults.append("tries an import")
    return faults


def test_the_modules_are_found() -> None:
    assert "firmware/keiki/wire/slots.py" in MODULES
    assert "firmware/keiki/meter/app.py" in MODULES
    assert "boards/unix/board.py" in MODULES
    assert "host/keiki_host/bench/faults.py" in MODULES


@pytest.mark.parametrize("path", MODULES)
def test_a_module_imports_only_what_its_folder_may(path: str) -> None:
    assert faults_of(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize("path", MODULES)
def test_a_module_is_not_long(path: str) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= LINES_MAX


FORBIDDEN = [
    ("firmware/keiki/wire/x.py", "import time", "imports time"),
    ("firmware/keiki/wire/x.py", "import os.path", "imports os.path"),
    ("firmware/keiki/wire/x.py", "def f():\n    import random", "imports random"),
    ("firmware/keiki/wire/x.py", "import asyncio", "imports asyncio"),
    ("firmware/keiki/wire/x.py", "from machine import Pin", "imports machine"),
    ("firmware/keiki/wire/x.py", "from micropython import const", "imports micropython"),
    ("firmware/keiki/wire/x.py", "from keiki.drivers import wisun", "imports keiki.drivers"),
    ("firmware/keiki/wire/x.py", "from keiki import meter", "imports keiki.meter"),
    ("firmware/keiki/wire/x.py", "import keiki.hal.unix", "imports keiki.hal.unix"),
    ("firmware/keiki/wire/x.py", "from . import slots", "imports relatively"),
    ("firmware/keiki/wire/x.py", "from typing import Any", "imports typing"),
    ("firmware/keiki/wire/x.py", "__import__('time')", "imports by name"),
    ("firmware/keiki/wire/x.py", "try:\n    import struct\nexcept ImportError:\n    pass", "tries an import"),
    ("firmware/keiki/drivers/x.py", "import time", "imports time"),
    ("firmware/keiki/drivers/x.py", "from machine import UART", "imports machine"),
    ("firmware/keiki/drivers/x.py", "from keiki.meter import clock", "imports keiki.meter"),
    ("firmware/keiki/meter/x.py", "import network", "imports network"),
    ("firmware/keiki/meter/x.py", "import board", "imports board"),
    ("firmware/keiki/meter/x.py", "from keiki.hal import unix", "imports keiki.hal"),
    ("firmware/keiki/meter/x.py", "name = 'keiki.hal.unix'", "names keiki.hal"),
    ("firmware/keiki/meter/x.py", "import time", "imports time"),
    ("firmware/keiki/meter/app.py", "import machine", "imports machine"),
    ("firmware/keiki/meter/app.py", "if simulated:\n    pass", "asks about simulated"),
    ("firmware/keiki/meter/x.py", "if self.is_emulated:\n    pass", "asks about is_emulated"),
    ("firmware/keiki/hal/rp2.py", "from keiki.meter import clock", "imports keiki.meter"),
    ("boards/unix/board.py", "import struct", "imports struct"),
    ("boards/unix/board.py", "from keiki.wire import slots", "imports keiki.wire"),
    ("host/keiki_host/x.py", "from keiki.meter import clock", "imports keiki.meter"),
    ("host/keiki_host/x.py", "from keiki import meter", "imports keiki.meter"),
    ("firmware/keiki/wire/x.py", "import keiki", "imports keiki"),
    ("host/keiki_host/x.py", "import machine", "imports machine"),
]


@pytest.mark.parametrize(("path", "source", "fault"), FORBIDDEN)
def test_what_is_forbidden_is_found(path: str, source: str, fault: str) -> None:
    assert faults_of(path, source) == [fault]


ALLOWED = [
    ("firmware/keiki/wire/x.py", "import struct\nfrom keiki.wire.compat import const"),
    (
        "firmware/keiki/wire/x.py",
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from collections.abc import Callable",
    ),
    ("firmware/keiki/drivers/x.py", "import asyncio\nfrom keiki.wire import record"),
    ("firmware/keiki/meter/app.py", "import board\nfrom keiki.hal import unix"),
    ("firmware/keiki/hal/rp2.py", "import machine, network, time, rp2"),
    (
        "host/keiki_host/x.py",
        "import time, pydantic\nfrom keiki.wire.slots import jst\nimport keiki_host.cli",
    ),
]


@pytest.mark.parametrize(("path", "source"), ALLOWED)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert faults_of(path, source) == []
