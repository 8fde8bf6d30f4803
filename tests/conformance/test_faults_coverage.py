"""No fault of the catalogue is left out: each is played against a client, by a scenario that is performed."""

import importlib
from pathlib import Path

from keiki_host.bench.faults_catalogue import CATALOGUE

from tests.conformance.stage import MARKS

FILES = {file.stem: file for file in Path(__file__).parent.glob("test_faults_*.py")}


def test_every_fault_of_the_catalogue_is_played_against_a_client() -> None:
    for name in FILES:
        importlib.import_module(f"tests.conformance.{name}")
    played = {fault for faults, _ in MARKS.values() for fault in faults}
    assert played == set(CATALOGUE)


def test_every_scenario_is_in_a_list_that_is_performed() -> None:
    for name in FILES:
        importlib.import_module(f"tests.conformance.{name}")
    for scenario in MARKS:
        text = FILES[scenario.__module__.rpartition(".")[2]].read_text()
        assert text.count(f"    {scenario.__name__},\n") + text.count(f"({scenario.__name__},)") == 1, (
            scenario
        )
