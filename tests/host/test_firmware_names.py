"""Short names of the firmware: no two become one, none hides a builtin, and a program does the same.

CPython's own compiler is the judge: it finds the same variables in every module, called otherwise.
"""

import __future__

import ast
import builtins
import dis
import inspect
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from types import CodeType

from keiki_host import board_data
from keiki_host.bench import firmware_compile
from keiki_host.bench.firmware_bundle import ORDER, bundle
from keiki_host.bench.firmware_names import Names, shorten, translated
from keiki_host.bench.firmware_order import order
from keiki_host.bench.source_edits import applied
from keiki_host.bench.source_uses import Module, retold
from keiki_host.bench.stock_names import OTHERS, SHORT, STATIC
from keiki_host.bench.tracebacks import Tracebacks
from keiki_host.flash import app_files

SOURCES = {
    "main.py": "from keiki.first import run\nimport keiki.second as second_module\nrun(second_module)\n",
    "keiki/__init__.py": "",
    "keiki/first.py": '''"""A firmware that does all that may go wrong with names."""
import json
import struct as packing
from collections import namedtuple

from keiki import second
from keiki.second import Base, FrameProblem, helper as renamed_helper

Pair = namedtuple("Pair", ("leading", "trailing"))
table_of_words = {"setting_one": 1}
whole = 5


class Settings:
    def __init__(self, stored):
        for name, value in stored.items():
            setattr(self, name, value)

    def op_status(self, request):
        return "status of %s" % request

    def answer(self, operation):
        return getattr(self, "op_" + operation)(operation)


class Derived(Base):
    factor = whole + 1
    shared = [renamed_helper(n) for n in range(3)]

    def __init__(self, amount, *, ratio=2, **others):
        super().__init__(amount, ratio=ratio)
        self.others = others
        self.ratio = ratio

    def describe(self, text_width=4):
        inner_total = 0

        def add_up(amount):
            nonlocal inner_total
            inner_total += amount + self.amount
            return lambda more: more + inner_total + whole

        add_up(whole)
        first = f"{self.ratio:>{text_width}}|{{kept}}|{inner_total!r}" f"{add_up(1)(2)}"
        return first, [f"{part}" for part in sorted(self.others, key=lambda item: item)]


def counting():
    global whole
    whole += 1
    return whole


def failing(count):
    try:
        second.check(limit_count=count)
    except (FrameProblem, ValueError) as problem:
        return str(problem), type(problem).__name__
    finally:
        counting()


def run(module):
    settings = Settings({"setting_one": 11})
    print(settings.setting_one, settings.answer("status"), json.dumps(table_of_words))
    print(Derived(3, ratio=4, other=5).describe(), Derived.shared, Derived.factor)
    print(failing(9), failing(1), whole, Pair(leading=1, trailing=2).trailing)
    print(packing.pack("<H", 258), module.Base(amount=7).total(), [module.helper(x) for x in (1, 2)])
    print((walrus := counting()) + walrus, hasattr(module, "no_such_thing"))
    Derived(1).missing_method()
''',
    "keiki/second.py": """class FrameProblem(ValueError):
    pass


class Base:
    def __init__(self, amount, ratio=1):
        self.amount, self.ratio = amount, ratio

    def total(self):
        return self.amount * self.ratio


def helper(number):
    return number * 2


def check(limit_count):
    if limit_count > 5:
        raise FrameProblem("more than 5")
""",
}


def sources() -> dict[str, bytes]:
    return {path: text.encode() for path, text in SOURCES.items()}


def run(micropython: str, files: dict[str, bytes], folder: Path) -> list[str]:
    """What the program prints, its files without the folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
    done = subprocess.run(
        [micropython, str(folder / "main.py")], env={"MICROPYPATH": f"{folder}:.frozen"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return (done.stdout + done.stderr).replace(f"{folder}/", "").splitlines()


def test_a_program_does_the_same_and_its_tracebacks_are_told_in_its_own_names(
    micropython: str, tmp_path: Path
) -> None:
    short, names = shorten(sources())
    before, after = (
        run(micropython, files, tmp_path / name) for name, files in (("a", sources()), ("b", short))
    )
    tracebacks = Tracebacks(sources(), "\n", names)
    assert "status of status" in before[0] and "missing_method" in before[-1] and len(before) == 9
    assert after != before and [tracebacks.told(line) for line in after] == before


def test_what_may_be_asked_for_by_its_name_keeps_it() -> None:
    short, names = shorten(sources())
    renamed = {*names.public, *names.globals}
    assert not renamed & {
        "setting_one", "op_status", "leading", "trailing", "keiki", "second", "json", "dumps", "namedtuple",
        "FrameProblem", "self", "run", "pack",
    }  # fmt: skip
    assert {"Derived", "describe", "limit_count", "counting", "renamed_helper", "table_of_words"} <= renamed
    assert b"class FrameProblem(ValueError)" in short["keiki/second.py"]


def test_a_program_for_a_board_is_told_in_the_names_that_are_there(micropython: str, tmp_path: Path) -> None:
    short, names = shorten({**sources(), "main.py": b"import keiki.second\n"})
    program = (
        "import keiki.second as two\nfrom keiki.first import Derived\n"
        "class Mine(two.Base):\n    def total(self):\n        return f'{self.ratio}' + '!'\n"
        "print(Mine(1, ratio=3).total(), Derived(2).total(), two.helper(4))\n"
    )
    said = run(micropython, {**short, "main.py": translated(program, names).encode()}, tmp_path)
    assert said == ["3! 4 8"]


def test_without_numbers_of_lines_a_function_is_what_it_may_be() -> None:
    names = Names(
        public={"describe": "id"}, globals={"counting": "id", "failing": "b"}, files={"a": "main.py"}
    )
    tracebacks = Tracebacks({}, "\n", names, numbered=False)
    assert tracebacks.told('  File "a", line 1, in id') == '  File "main.py", line 1, in counting or describe'
    assert tracebacks.told('  File "a", line 1, in b') == '  File "main.py", line 1, in failing'
    assert tracebacks.told("ValueError: id") == "ValueError: id"


def test_names_that_are_used_most_come_first_and_the_lines_stay(micropython: str, tmp_path: Path) -> None:
    few = "".join(f"value_{n} = {n}\n" for n in range(300))
    much = "print(" + " + ".join(["value_199 * value_198"] * 300) + ")\nraise ValueError\n"
    text = (few + few.replace("value", "other") + much).encode()
    assert order({"main.py": text[:9_000], "x.py": b"def f(:" * 9_000}) == {
        "main.py": text[:9_000],
        "x.py": b"def f(:" * 9_000,
    }
    ordered = order({"main.py": text})["main.py"]
    assert ordered.startswith(b"['value_198', 'value_199', ") and ordered.endswith(b"; " + text)
    before, after = (run(micropython, {"main.py": one}, tmp_path) for one in (text, ordered))
    assert before == after and before[0] == str(199 * 198 * 300)


def test_a_source_that_is_no_python_is_left_to_the_compiler() -> None:
    broken = {**sources(), "keiki/second.py": b"def f(:\n"}
    assert shorten(broken) == (broken, Names())


def test_the_table_has_every_name_of_the_port(micropython: str) -> None:
    walk = """
import sys
def walk(of, deep):
    for name in dir(of):
        print(name)
        if deep:
            walk(getattr(of, name), deep - 1)
for name in ("asyncio", "builtins", "collections", "gc", "io", "json", "os", "socket", "time", "vfs"):
    walk(__import__(name), name != "builtins")
for value in (b"", "", [], {}, (), set(), bytearray(), memoryview(b""), 1, OSError()):
    walk(value, 0)
"""
    done = subprocess.run([micropython, "-c", walk], capture_output=True, text=True, check=True)
    known = {*STATIC, *SHORT, *OTHERS}
    missing = {name for name in done.stdout.split() if name not in known and not name.startswith("_")}
    assert not missing and "sleep_ms" in done.stdout


def plain(text: bytes) -> CodeType:
    """A module as CPython compiles it, without f-strings, which become calls where names change in them."""
    module = Module(text)
    texts = {id(use.text): use.text for use in module.uses if use.text is not None}
    text = applied(text, list(map(retold, texts.values())))
    return compile(text, "", "exec", __future__.annotations.compiler_flag, dont_inherit=True)


class Compared:
    """The names in code that CPython has compiled, and in the same code with short names: (old, new).

    `public`: attributes and keywords; `classes`: those in each class; `globals`: of a module.
    """

    def __init__(self) -> None:
        self.public: set[tuple[str, str]] = set()
        self.globals: set[tuple[str, str]] = set()
        self.classes: dict[str, set[tuple[str, str]]] = {}

    def code(self, before: CodeType, after: CodeType, around: dict[object, object], of: str = "") -> None:
        """Compare a module, class or function, and all that is in it; `around`: local names that it sees."""
        count = before.co_argcount + before.co_kwonlyargcount
        local: dict[object, object] = dict(
            zip(before.co_varnames[:count], after.co_varnames[:count], strict=False)
        )
        in_class = not before.co_flags & inspect.CO_OPTIMIZED and before.co_name != "<module>"
        of = before.co_name if in_class else of
        turned = {new: old for old, new in local.items()}
        attributes: set[str] = set()
        public: set[tuple[str, str]] = set()
        inner = []
        for old, new in zip_longest(instructions(before), instructions(after)):
            assert old.opname == new.opname
            if isinstance(old.argval, CodeType):
                inner.append((old.argval, new.argval))
            elif old.opname == "IMPORT_NAME":
                assert old.argval == new.argval
            elif "FAST" in old.opname or "DEREF" in old.opname:
                for one in zip(_all(old.argval), _all(new.argval), strict=True):
                    if "LOAD_FAST" in old.opname and one[0] in before.co_cellvars + before.co_freevars:
                        continue  # Python 3.13 hands cells on so, in alphabetic order
                    assert turned.setdefault(one[1], one[0]) == one[0]
                    # from Python 3.12 on, what is local to a comprehension stands among the function's
                    if sys.version_info < (3, 12):
                        assert around.get(one[0], one[1]) == one[1] or one[0] not in before.co_freevars
                        assert local.setdefault(*one) == one[1]
            elif old.opname.endswith(("_ATTR", "_METHOD")):
                public.add((old.argval, new.argval))
            elif old.opname == "KW_NAMES":
                given = before.co_consts[old.arg or 0], after.co_consts[new.arg or 0]
                public.update(zip(*given, strict=True))
            elif old.opname.endswith(("GLOBAL", "NAME")) and isinstance(old.argval, str):
                attributes.update([old.argval] if in_class and old.opname == "STORE_NAME" else [])
                (public if old.argval in attributes else self.globals).add((old.argval, new.argval))
        assert len(set(local.values())) == len(local)
        self.public |= public
        self.classes.setdefault(of, set()).update(public)
        for old_code, new_code in inner:
            self.code(old_code, new_code, {**around, **local}, of)


def _all(argument: object) -> tuple[object, ...]:
    return argument if isinstance(argument, tuple) else (argument,)


def instructions(code: CodeType) -> list[dis.Instruction]:
    """Those that mean something. Cells are in alphabetic order: what is in them is seen where it is used."""
    left_out = ("EXTENDED_ARG", "LOAD_CLOSURE", "MAKE_CELL")
    return [one for one in dis.get_instructions(code) if one.opname not in left_out]


def is_injective(found: set[tuple[str, str]]) -> bool:
    return len({old for old, _ in found}) == len({new for _, new in found}) == len(found)


def test_no_two_names_of_a_board_become_one_and_none_hides_a_builtin() -> None:
    board = board_data.load("rp2_picow_bl0942")  # it has the most code
    texts = app_files.sources(board)
    for smaller in firmware_compile.SMALLER:
        texts = smaller(texts)
    texts = bundle(texts, app_files.always(board))
    texts.pop(ORDER)
    short, names = shorten(texts)
    stay = {*STATIC, *SHORT, *OTHERS, *dir(builtins)}
    compared = Compared()
    bases: dict[str, set[str]] = {}
    for path, text in texts.items():
        compared.globals = set()
        compared.code(plain(text), plain(short[path]), {})
        assert is_injective(compared.globals)
        assert all(old == new for old, new in compared.globals if old in stay)
        assert all(old == new or new not in dir(builtins) for old, new in compared.globals)
        assert all(new in (old, names.globals.get(old)) for old, new in compared.globals)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                bases.setdefault(node.name, set()).update(map(ast.unparse, node.bases))
    for old, new in compared.public:
        assert new == old or (new == names.public[old] and old not in stay)
    everywhere = {(old, new) for old, new in compared.public if old[0] != "_"}
    assert len([old for old, new in everywhere if old != new]) > 300
    for name, own in compared.classes.items():
        inherited = [compared.classes.get(base, set()) for base in bases.get(name, ())]
        assert is_injective(everywhere | own.union(*inherited))
