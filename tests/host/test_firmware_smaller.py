"""What makes the firmware smaller before it is compiled: it does the same, and every line is found again."""

import re
import subprocess
from pathlib import Path

import pytest
from keiki_host import board_data
from keiki_host.bench.firmware_absent import cut
from keiki_host.bench.firmware_bundle import BUNDLES, ORDER, bundle
from keiki_host.bench.firmware_consts import fold
from keiki_host.bench.firmware_image import firmware_paths
from keiki_host.bench.firmware_imports import once
from keiki_host.bench.firmware_prune import prune
from keiki_host.bench.tracebacks import unbundled
from keiki_host.flash import app_files

COMPAT = "def const(value):\n    return value\n"
SOURCES = {
    "main.py": "from keiki.meter import app\napp.run()\n",
    "board.py": "NAME = 'x'\n",
    "keiki/__init__.py": "",
    "keiki/wire/__init__.py": "",
    "keiki/meter/__init__.py": "",
    "keiki/wire/compat.py": COMPAT,
    "keiki/wire/one.py": """import struct
from keiki.wire.compat import const

SIZE = const(4)
DOUBLE = const(2 * SIZE)
LOW = const(-3)
_count = 0
names = ["one"]


def pack(value):
    return struct.pack("<I", value)


def count():
    global _count
    _count += 1
    return _count


class Thing:
    __slots__ = ("not looked at",)
    WIDTH = 99
    more = names + ["thing"]

    def size(self, pack=pack):
        return SIZE, self.WIDTH, names, self.more, pack(1), getattr(self, "by_" + "name")()

    def by_name(self):
        return "asked for by its name"

    def not_called(self):
        return "of no use"

    def readinto(self, buffer):
        return "what MicroPython may call"
""",
    "keiki/wire/two.py": """import struct

from keiki.wire import one as first
from keiki.wire.one import DOUBLE, Thing as Other, count
from keiki.wire.compat import const

SIZE = const(5)
_count = "two"
names = [name + "!" for name in first.names]


def unused():
    return only_for_unused()


def only_for_unused():
    return "never"


TABLE_OF_NOBODY = ("neither", 1)


class OfNobody:
    def method(self):
        return "nor this"


class Thing(Other):
    def size(self):
        pack = 7
        return super().size(), pack, first.pack(SIZE), DOUBLE, first.LOW, 2 - first.LOW


def both(count):
    def inner():
        return count, _count, struct.unpack("<I", first.pack(5))

    return inner()


def calls():
    return count(), count(), first.count()
""",
    "keiki/wire/lazy.py": """from keiki.wire import two
from keiki.wire.one import names

SEEN = [two.SIZE, names, two.both(3)]
""",
    "keiki/wire/hostonly.py": "from keiki.wire.two import unused\n",
    "keiki/meter/part.py": """from keiki.wire import one, two


def say(text, *, end="."):
    print(text + end)


def told():
    try:
        raise ValueError("x")
    except ValueError as one_error:
        say(repr(one_error), end="!")
    return [(lambda one: one + 1)(n) for n in range(one.SIZE)], two.names
""",
    "keiki/meter/app.py": """from keiki.meter.part import say, told
from keiki.wire import one
from keiki.wire.two import SIZE as FIVE, Thing, both, calls


def run():
    say(repr((one.Thing().size(), Thing().size(), both(9), calls(), FIVE, told())))
    from keiki.wire.lazy import SEEN
    from keiki.meter.route_a import start

    say(repr((SEEN, start())))
    one.pack("boom")
""",
    "keiki/meter/route_a.py": """from keiki.meter import part
from keiki.wire.one import SIZE, Thing
from keiki.wire.two import Thing as Two


def start():
    part.say("route")
    return SIZE, Thing().size(), Two().size()
""",
}


def sources() -> dict[str, bytes]:
    """The firmware above."""
    return {path: text.encode() for path, text in SOURCES.items()}


def run(micropython: str, files: dict[str, bytes], folder: Path) -> str:
    """What it prints."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
    env = {"MICROPYPATH": f"{folder}:.frozen"}
    done = subprocess.run(
        [micropython, str(folder / "main.py")], env=env, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_a_firmware_made_smaller_does_the_same(micropython: str, tmp_path: Path) -> None:
    before = run(micropython, sources(), tmp_path / "before")
    folded = fold(sources())
    assert run(micropython, folded, tmp_path / "folded").replace("/folded/", "/before/") == before
    pruned = prune(folded)
    assert run(micropython, pruned, tmp_path / "pruned").replace("/pruned/", "/before/") == before
    bundled = bundle(pruned)
    bundled = once({path: text for path, text in bundled.items() if path != ORDER})
    after = run(micropython, bundled, tmp_path / "bundled")
    assert after.splitlines()[:-4] == before.splitlines()[:-4] and before.count("\n") > 6


def test_an_import_that_was_made_above_is_not_made_again() -> None:
    text = b"""import struct
from a import b, c as d
import struct, sys
from a import b, c, e; from a import b
def f():
    from a import b
"""
    assert (
        once({"keiki/x.py": text})["keiki/x.py"]
        == b"""import struct
from a import b, c as d
import sys
from a import c, e; pass
def f():
    from a import b
"""
    )


def test_constants_are_numbers_and_their_names_are_gone() -> None:
    folded = {path: text.decode() for path, text in fold(sources()).items()}
    assert "SIZE = const(4)" in folded["keiki/wire/one.py"]  # part.py has another meaning for `one` too
    assert "LOW" not in folded["keiki/wire/one.py"]
    assert "first.pack(5), 8, (-3), 2 - (-3)" in folded["keiki/wire/two.py"]
    assert "DOUBLE" not in folded["keiki/wire/two.py"] and "const" not in folded["keiki/wire/two.py"]
    assert "both(9), calls(), 5, told()" in folded["keiki/meter/app.py"]


def test_what_only_the_host_uses_is_left_out() -> None:
    pruned = prune(sources())
    assert "keiki/wire/hostonly.py" not in pruned
    text = b"".join(pruned.values())
    for gone in (b"never", b"neither", b"nor this", b"of no use", b"not looked at", b"not_called"):
        assert gone not in text
    for needed in (b"asked for by its name", b"what MicroPython may call"):
        assert needed in text


def test_modules_of_a_bundle_are_there_once_and_every_line_is_found_again(
    micropython: str, tmp_path: Path
) -> None:
    bundled = bundle(prune(fold(sources())))
    order = bundled.pop(ORDER).decode()
    assert re.sub(r":\d+", "", order) == (
        "\nkeiki/core keiki/wire/one.py keiki/wire/two.py keiki/meter/part.py keiki/meter/app.py\n"
        "keiki/aroute keiki/meter/route_a.py\n"
    )
    assert set(bundled) == {
        "main.py", "board.py", "keiki/__init__.py", "keiki/wire/__init__.py", "keiki/meter/__init__.py",
        "keiki/wire/lazy.py", "keiki/core.py", "keiki/aroute.py",
    }  # fmt: skip
    said = run(micropython, bundled, tmp_path).splitlines()
    where = [unbundled(line.replace(f"{tmp_path}/", ""), order) for line in said]
    assert '  File "keiki/meter/app.py", line 12, in run' in where[-3] + "\n" + where[-4]
    assert any('File "keiki/wire/one.py", line 12, in pack' in line for line in where)


def test_what_functions_of_the_core_always_import_is_in_it_and_what_they_never_import_is_left_out(
    micropython: str, tmp_path: Path
) -> None:
    files = sources() | {
        "keiki/drivers/__init__.py": b"",
        "keiki/drivers/chip.py": b"from keiki.wire.one import SIZE\n\ndef made():\n    return 'chip', SIZE\n",
        "keiki/drivers/log.py": b"SIZE = 77\n\nclass Log:\n    def made(_):\n        return 'a log', SIZE\n",
        "keiki/meter/app.py": b"""from keiki.wire import one

def chip():
    from keiki.drivers.chip import made as do

    return do()

def other():
    from keiki.drivers.that_is_not_there import made as do

    return do()

def run():
    from keiki.drivers.log import Log

    print(chip(), Log().made(), one.SIZE)
    try:
        other()
    except ImportError:
        print("left out")
""",
    }
    before = run(micropython, files, tmp_path / "before")
    always = ("keiki.drivers.chip", "keiki.drivers.log")
    bundled = bundle(prune(fold(files)), always)
    assert b"keiki/drivers/chip.py" in bundled[ORDER] and b"keiki/drivers/log.py" in bundled[ORDER]
    assert not {"keiki/drivers/chip.py", "keiki/drivers/log.py"} & set(bundled)
    after = run(micropython, bundled, tmp_path / "after")
    assert after == before == "('chip', 4) ('a log', 77) 4\nleft out\n"


def test_what_is_no_traceback_is_left_as_it_is() -> None:
    for line in ("", "keiki/core", 'File "keiki/core.py", line 7', 'File "keiki/other.py", line 1'):
        assert unbundled(line, "\n") == line


def test_a_source_that_is_no_python_is_left_to_the_compiler() -> None:
    broken = {**sources(), "keiki/wire/one.py": b"def f(:\n"}
    for smaller in (fold, prune, bundle):
        assert smaller(broken) == broken


@pytest.mark.parametrize("bundled", sorted(BUNDLES))
def test_the_real_firmware_has_every_bundle(bundled: str) -> None:
    packages, main, unix = firmware_paths()
    files = {"main.py": main.read_bytes(), "board.py": (unix / "board.py").read_bytes()}
    for path in sorted((packages / "keiki").rglob("*.py")):
        files[str(path.relative_to(packages))] = path.read_bytes()
    result = bundle(prune(fold(files)))
    text = result[bundled.replace(".", "/") + ".py"]
    assert len(text.splitlines()) >= 300 and len(result) < len(files) / 2


def test_what_follows_the_import_of_a_module_that_is_not_there_is_left_out() -> None:
    text = """from keiki.meter import here

def gone(spi):
    if spi:
        print("first")
        from keiki.drivers.elsewhere import (
            Part,
        )
        part = Part(spi)
        return part.serve(spi)
    return here.other

def in_a_package():
    from keiki.drivers import elsewhere
    return elsewhere

def there():
    from keiki.drivers import NAME
    from keiki.meter.here import other
    return NAME, other
"""
    sources = {
        "main.py": text,
        "keiki/meter/here.py": "def other():\n    pass\n",
        "keiki/meter/__init__.py": "",
        "keiki/drivers/__init__.py": "NAME = 1\n",
        "keiki/drivers/one.py": "",
    }
    sources_raw = {path: source.encode() for path, source in sources.items()}
    found = cut(sources_raw)
    assert [path for path in sources if found[path] != sources_raw[path]] == ["main.py"]
    lines, before = found["main.py"].decode().splitlines(), text.splitlines()
    assert len(lines) == len(before)
    assert [line for line in lines[3:12] if line] == [
        "    if spi:", '        print("first")', "        raise ImportError", "    return here.other",
    ]  # fmt: skip
    assert lines[13] == "    raise ImportError" and lines[14] == ""
    assert lines[16:] == before[16:] and lines[0] == before[0]


def test_a_board_s_code_imports_only_what_it_has() -> None:
    board = board_data.load("rp2_picow_bl0942")
    found = b"".join(cut(app_files.sources(board)).values())
    assert b"from keiki.drivers.metering_bl0942" in found
    assert b"keiki.drivers.metering_atm90e32" not in found and b"import ghash_plain" not in found
