"""`keiki headend meter import`: all meters of a file or none, and no key is ever shown."""

import json
from pathlib import Path
from typing import Any

import pytest
from keiki_host.fleet.identity import entry, identity
from keiki_host.headend import migrate, parties, registry
from keiki_host.headend.command_import import read, register
from keiki_host.headend.database import Store, make_engine
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.keys import Safe, make_key_file

DAY = 1_780_239_600


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """An empty SQLite store."""
    opened = Store(make_engine(f"sqlite:///{tmp_path}/store.db"))
    migrate.upgrade(opened)
    yield opened
    opened.close()


def written(folder: Path, entries: list[dict[str, Any]]) -> Path:
    """A file of meters."""
    path = folder / "meters.json"
    path.write_text(json.dumps({"meters": entries}))
    path.chmod(0o600)
    return path


def test_a_file_of_a_fleet_is_registered_with_keys_points_and_retailers(store: Store, tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    safe = Safe(store, tmp_path / "key")
    fleet = [identity(1, number) for number in range(1, 9)]
    path = written(tmp_path, [entry(who, "127.0.0.1:20000", DAY) for who in fleet])
    with store.write():
        register(store, safe, read(path), who="test", now_s=DAY)
    for who in fleet:
        found = registry.find_meter(store, who.serial)
        assert (found.system_title, found.point, found.area) == (who.title.hex(), who.point, who.area)
        assert safe.current([found.meter_id]) == {found.meter_id: who.keys}
        assert found.address == "127.0.0.1:20000"
    points = 0
    with store.read() as connection:
        for retailer in parties.parties(store, "retailer"):
            points += len(parties.points_of(connection, "retailer", retailer.party_id))
    assert points == len(fleet)
    with pytest.raises(HeadendInputError, match="FLEET0000001: is there already"), store.write():
        register(store, safe, read(path), who="test", now_s=DAY)
    assert len(registry.meters(store)) == len(fleet)


def test_a_wrong_file_is_one_line_that_shows_no_key(tmp_path: Path) -> None:
    good = entry(identity(1, 1), None, DAY)
    secret = good["keys"]["ek"]
    cases: list[tuple[Any, str]] = [
        ([{**good, "keys": {"ek": [secret]}}], "meters.0.keys.ek"),
        ([{**good, "key": secret}], "meters.0.key"),
        ([good, {"serial": "X"}], "meters.1.title"),
    ]
    for entries, told in cases:
        with pytest.raises(HeadendInputError, match=told) as raised:
            read(written(tmp_path, entries))
        assert secret not in str(raised.value) and "\n" not in str(raised.value)
    path = written(tmp_path, [good])
    path.chmod(0o640)
    with pytest.raises(HeadendInputError, match="others may read it"):
        read(path)
    path.chmod(0o600)
    path.write_text("{" + secret)
    with pytest.raises(HeadendInputError, match="not JSON") as raised:
        read(path)
    assert secret not in str(raised.value)
