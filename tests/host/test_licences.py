"""No GPL and no code that is not open source comes into the product, or into the process that tests it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "tests" / "conformance" / "clients"
REQUIREMENTS = PROGRAMS / "requirements.txt"
APART = {"dlms_cosem", "gurux_dlms", "pydlms"}
"""Imported by programs that run as processes of their own, in an environment of their own."""


def imported(path: Path) -> Iterator[str]:
    """The top packages that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def pinned() -> dict[str, str]:
    """Package and version of each line of the clients' requirements."""
    lines = [line.split("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines()]
    return dict(line.split("==") for line in lines if line)


def test_only_the_programs_of_the_clients_import_what_stands_apart() -> None:
    found = set()
    for folder in ("firmware", "host", "boards", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            apart = APART & set(imported(path))
            assert not apart or path.parent == PROGRAMS, f"{path}: {apart}"
            found |= apart
    assert found >= {"dlms_cosem", "pydlms"}


def test_the_environment_of_the_tests_does_not_hold_what_stands_apart() -> None:
    here = [Path(folder) for folder in sys.path if folder.endswith("site-packages")]
    assert here
    for name in APART:
        assert not [folder for folder in here if (folder / name).exists()], name


def test_dlms_cosem_is_a_release_that_is_open_source() -> None:
    version = pinned()["dlms-cosem"]
    assert int(version.split(".")[0]) < 24
    licence = Path(sys.prefix) / "clients" / "lib"
    texts = list(licence.glob("python*/site-packages/dlms_cosem-*/**/LICENSE*"))
    assert texts and all("MIT License" in text.read_text() for text in texts)


def test_the_product_depends_on_none_of_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        needs += extra
    names = {re.split(r"[^A-Za-z0-9._-]", need)[0].lower().replace("-", "_") for need in needs}
    assert "cryptography" in names
    assert not names & (APART | {name.replace("-", "_") for name in pinned()})
