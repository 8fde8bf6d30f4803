"""What README and docs tell people to type: the programs run as they stand, the commands exist."""

import ast
import asyncio
import os
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import typer.main
from keiki_host.cli import app
from keiki_host.headend.command import app as headend_app
from keiki_host.provision import command as provision_command

from tests.bench_process import BenchProcess
from tests.conformance.network import Namespace, loopback_turn, namespaces_allowed

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TYPED = re.compile(r"`([^`\n]+)`")
LIMIT_S = 120
START = "2026-06-11T12:40:00"


def programs() -> list[str]:
    """The README's Python blocks."""
    return [text for kind, text in FENCED.findall(README) if kind == "python"]


def typed(text: str) -> list[str]:
    """Every command that a text shows in code, without what follows it in a comment."""
    lines = [line for kind, block in FENCED.findall(text) if kind == "sh" for line in block.splitlines()]
    lines += TYPED.findall(FENCED.sub("", text))
    return [line.partition("#")[0].strip() for line in lines]


async def run(program: str, prefix: list[str]) -> str:
    """Run a program as a user does; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        *prefix,
        *(sys.executable, "-c", program),
        env={**os.environ, "TZ": "Asia/Tokyo"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
    assert process.returncode == 0, err.decode()
    return out.decode()


def test_the_readmes_programs_read_a_running_bench() -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            prefix: list[str] = []
            if namespaces_allowed():
                prefix = stack.enter_context(Namespace()).prefix
            else:
                await stack.enter_async_context(loopback_turn())
            options = ("--load", "constant:1300W@pf0.9", "--start", START)
            bench = stack.enter_context(BenchProcess(*options, prefix=prefix))
            route = bench.ready["meters"][0]["route_b"]
            for_momonga, for_pychonet = programs()
            for name, value in (
                ("PORT", route["dongles"][0]["port"]),
                ("ID", route["id"]),
                ("PASSWORD", route["password"]),
            ):
                assert for_momonga.count(f'"{name}"') == 1
                for_momonga = for_momonga.replace(f'"{name}"', f'"{value}"')
            said = await asyncio.gather(run(for_momonga, prefix), run(for_pychonet, prefix))

        power, current, imported, exported, *slots = said[0].splitlines()
        assert power.endswith(" W") and abs(int(power.split()[0]) - 1300) <= 15
        phases = ast.literal_eval(current.removesuffix(" A"))
        assert {name: round(value, 1) for name, value in phases.items()} == {
            "r phase current": 7.2,
            "t phase current": 7.2,
        }
        assert re.fullmatch(r"0\.[0-2]\d* kWh import", imported) and exported == "0.0 kWh export"
        assert len(slots) == 48 and all("cumulative energy" in slot for slot in slots)
        values = ast.literal_eval(said[1].splitlines()[-1])
        assert abs(values[0xE7] - 1300) <= 15
        assert values[0xE8] == {"r_phase_amperes": 7.2, "t_phase_amperes": 7.2}
        assert values[0xE0] in (0, 1, 2) and values[0xE3] == 0

    asyncio.run(scenario())


DOCS = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("path", DOCS)
def test_every_command_that_is_shown_exists(path: str) -> None:
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    # `keiki` itself loads these when they are asked for
    commands["headend"] = typer.main.get_command(headend_app)
    commands["provision"] = typer.main.get_command(provision_command.app)
    commands["label"] = typer.main.get_command(provision_command.label_app)
    shown = [line.partition(" | ")[0].split() for line in typed((ROOT / path).read_text())]
    for words in (words for words in shown if len(words) > 1 and words[0] in ("make", "keiki")):
        if words[0] == "make":
            assert words[1] in targets, words
            continue
        assert words[1] in commands, words
        command, rest = commands[words[1]], words[2:]
        while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
            assert rest[0] in command.commands, words
            command, rest = command.commands[rest[0]], rest[1:]
        options = [name for param in command.params for name in param.opts] + ["--help"]
        for word in rest:
            assert not word.startswith("-") or word == "-" or word in options, words
    if path == "README.md":
        assert (
            ["make", "run"] in shown and ["make", "test"] in shown and ["keiki", "bench", "--help"] in shown
        )
