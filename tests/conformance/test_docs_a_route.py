"""docs/a-route.md: its program reads a bench's meter, and its objects are those of the meter."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keiki_host.cosem.keys import Keys
from keiki_host.cosem.link import MeterLink

from tests.bench_process import BenchProcess
from tests.conformance.desk import own_address
from tests.conformance.rpc import A_ROUTE

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "a-route.md").read_text()
LIST = (15, bytes((0, 0, 40, 0, 0, 255)), 2)


@pytest.fixture(scope="module")
def ready() -> Iterator[dict[str, Any]]:
    with BenchProcess("--load", "constant:1000W", "--udp4", own_address()) as bench:
        yield bench.ready


def test_the_program_reads_the_meter(ready: dict[str, Any], tmp_path: Path) -> None:
    [program] = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    (tmp_path / "ready.json").write_text(json.dumps(ready) + "\n")
    command = [str(A_ROUTE), "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\d+ Wh", done.stdout.splitlines()[-1])


def rows() -> dict[str, tuple[int, bool, set[int], set[int]]]:
    """OBIS: class, whether the public reads it, attributes written, methods, as the document says."""
    found = {}
    for line in TEXT.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 4 or not re.match(r"\d+\.\d+\.", cells[0]):
            continue
        rights = cells[3]
        for name in names(cells[0]):
            found[name] = (
                int(cells[1]),
                rights.startswith("p"),
                members("set", rights),
                members("act", rights),
            )
    return found


def names(cell: str) -> list[str]:
    """ "0.0.43.1.0, .1, .2" and "0.0.128.11.2 to .5" written out."""
    whole: list[str] = []
    for part in re.split(r", | to ", cell):
        whole.append(part if part[0] != "." else whole[0].rpartition(".")[0] + part)
    if " to " in cell:
        stem, _, first = whole[0].rpartition(".")
        return [f"{stem}.{n}" for n in range(int(first), int(whole[1].rpartition(".")[2]) + 1)]
    return whole


def members(word: str, rights: str) -> set[int]:
    """ "set 3, 5; act 1": the numbers after a word."""
    found = re.search(rf"{word} ([\d, to]+)", rights)
    if found is None:
        return set()
    if " to " in found[1]:
        low, high = found[1].split(" to ")
        return set(range(int(low), int(high.strip(", ")) + 1))
    return {int(number) for number in re.findall(r"\d+", found[1])}


def test_the_objects_and_rights_are_those_of_the_meter(ready: dict[str, Any]) -> None:
    route = ready["meters"][0]["route_a"]
    host, _, port = route["tcp"].rpartition(":")
    keys = Keys(bytes.fromhex(route["keys"]["ek"]), bytes.fromhex(route["keys"]["ak"]))
    with MeterLink(host, int(port)) as public:
        open_to_all = {".".join(map(str, name[:5])) for _, _, name, _ in public.get(LIST)}
    served = {}
    with MeterLink(host, int(port), keys, 60.0) as meter:
        for class_id, _, name, (attributes, methods) in meter.get(LIST):
            text = ".".join(map(str, name[:5]))
            written = {number for number, mode, _ in attributes if mode & 2}
            served[text] = (class_id, text in open_to_all, written, {n for n, mode in methods if mode})
    assert served == rows()
