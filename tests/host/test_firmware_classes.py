"""A .mpy with less in it does the same, at the same lines (bench/firmware_classes.py, firmware_tables.py)."""

import subprocess
import sys
from pathlib import Path

import pytest
from keiki_host.bench.firmware_classes import nameless
from keiki_host.bench.firmware_tables import roomy
from keiki_host.bench.mpy_file import BYTECODE, read

from tests.host.mpy_sample import FUNCTIONS, compiled

SOURCE = (
    FUNCTIONS
    + """
class Wrong(ValueError):
    pass

class Long(Counter):
    # a comment, so that this class begins with lines that have no code: 1
    # 2
    # 3
    # 4
    # 5
    # 6
    # 7
    # 8
    # 9
    LIMIT = 7

    class Inner:
        a = b = 1

    def up(self, by):
        for value in super().up(by):
            if value > self.LIMIT:
                raise Wrong("above %d" % self.LIMIT)
            yield value

def made(base):
    class Made(base):
        cell = base
        def own(self):
            return super().__init__, Made, base
    return Made

def plain():
    a = __name__
    b = "plain"
    return a, b

print(outer(1, 2)(3), list(Counter(5).up(4)), plain())
print(Wrong, repr(Wrong("x")), Long, Long.Inner.a, type(made(Long)(1)).__name__, made(Long)(2).own()[1:])
print([hasattr(Wrong, name) for name in ("__module__", "__qualname__", "__name__")])
class Bad:
    this = 1
    that = none
"""
)
CALL = "import meter"


def run(folder: Path, code: bytes, call: str) -> subprocess.CompletedProcess[str]:
    (folder / "meter.mpy").write_bytes(code)
    (folder / "call.py").write_text(call)
    return subprocess.run(
        [Path(sys.executable).with_name("micropython"), folder / "call.py"],
        env={"MICROPYPATH": str(folder)}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("flags", [("-O1",), ("-O3",)])
def test_classes_do_the_same_at_the_same_lines_without_two_entries(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    plain = compiled(tmp_path, SOURCE, "-s", "meter.py", *flags)
    shorter = nameless(plain)
    assert len(plain) - len(shorter) >= 7 * 7  # a class has four instructions, of two bytes most
    before, after = run(tmp_path, plain, CALL), run(tmp_path, shorter, CALL)
    assert before.returncode == after.returncode == 1
    told, said = before.stdout.splitlines(), after.stdout.splitlines()
    names = [i for i in range(len(told)) if told[i] != said[i]]
    assert [(told[i], said[i]) for i in names] == [("[True, True, True]", "[False, False, True]")]
    assert len(told) == len(said) and said[-1].startswith("NameError")
    line = 1 + SOURCE[: SOURCE.index("    that = none")].count("\n") if flags == ("-O1",) else 1
    assert said[-2] == f'  File "meter.py", line {line}, in Bad'


def test_what_is_raised_in_a_method_is_told_at_its_line(tmp_path: Path) -> None:
    source = SOURCE.partition("class Bad")[0]
    plain = compiled(tmp_path, source, "-s", "meter.py", "-O1")
    call = "import meter\nprint(list(meter.Long(6).up(3)))"
    before, after = run(tmp_path, plain, call), run(tmp_path, nameless(plain), call)
    line = 1 + source[: source.index("raise Wrong")].count("\n")
    assert f'"meter.py", line {line}, in up\nWrong: above 7' in after.stdout
    assert after.stdout.splitlines()[-4:] == before.stdout.splitlines()[-4:]


def test_a_module_that_begins_as_a_class_does_is_left_alone(tmp_path: Path) -> None:
    plain = compiled(tmp_path, 'a = __name__\nb = "text"\nprint(a, b)\n', "-O3")
    assert nameless(plain) == plain and not read(plain).module.children


def test_machine_code_beside_a_class_is_the_same_and_begins_at_a_word(tmp_path: Path) -> None:
    source = "class A:\n    a = 1\n" + "".join(
        f"@micropython.viper\ndef f{n}(x: int) -> int:\n    return x * 7{n * ' + x'}\n" for n in range(4)
    )
    plain = compiled(tmp_path, source, "-march=armv6m")
    before, after = read(plain), read(nameless(plain))
    kids = [kid for kid in after.module.children if kid.kind != BYTECODE]
    assert len(kids) == 4 and all(kid.offset % 4 == 0 for kid in kids)
    for old, new in zip(before.module.children[1:], kids, strict=True):
        assert plain[old.offset :][: old.length] == after.code[new.offset :][: new.length]
    assert nameless(after.code) == after.code


def test_what_is_no_mpy_stays_as_it_is() -> None:
    for code in (b"no mpy", b""):
        assert nameless(code) == code


@pytest.mark.parametrize("names", range(1, 40))
def test_a_table_of_names_without_constants_leaves_room_behind_it(tmp_path: Path, names: int) -> None:
    source = "; ".join(f"n{n}" for n in range(names)) + "\n"
    plain = compiled(tmp_path, f"def f():\n    {source}", "-s", "meter.py")
    code = roomy(plain)
    for word in (4, 8):
        size = -(-2 * len(read(code).stock) // word) * word
        assert size % (4 * word), (names, word)
    assert len(read(code).stock) - len(read(plain).stock) <= 4
    said = run(
        tmp_path, code, "import meter\ntry:\n    meter.f()\nexcept NameError as error:\n    print(error)"
    )
    assert said.stdout == "name 'n0' isn't defined\n"


def test_a_table_of_names_with_constants_stays_as_it_is(tmp_path: Path) -> None:
    plain = compiled(tmp_path, 'A = "a text that is too long for a name"\n')
    assert roomy(plain) == plain
