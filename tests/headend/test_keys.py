"""Keys at rest: nothing of them in the database, one clear line for a wrong key file."""

import os
from pathlib import Path

import pytest
from keiki_host.headend import counters
from keiki_host.headend.counters import Channel
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.keys import Safe, make_key_file
from keiki_host.headend.schema_registry import meter_key, trail
from sqlalchemy import select, update

from tests.headend.fleet_of_few import DAY, WHO, make

EK, AK, NEW = bytes(range(16)), bytes(range(16, 32)), bytes(range(32, 48))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "test.key"
    make_key_file(path)
    return path


def test_keys_come_back_and_are_nowhere_in_the_clear(store: Store, key_file: Path) -> None:
    meter_id, other, _ = make(store)
    safe = Safe(store, key_file)
    safe.put(meter_id, {"ek": EK, "ak": AK}, who=WHO, now_s=DAY)
    assert Safe(store, key_file).current() == {meter_id: {"ek": EK, "ak": AK}}
    assert safe.current([other]) == {}
    with store.read() as connection:
        sealed = [row.sealed for row in connection.execute(select(meter_key))]
        told = str(connection.execute(select(trail)).all())
    assert all(EK not in text and AK not in text for text in sealed)
    assert EK.hex() not in told
    assert EK.hex() not in repr(vars(safe))


def test_a_wrong_key_file_is_one_clear_line(store: Store, key_file: Path, tmp_path: Path) -> None:
    Safe(store, key_file)
    make_key_file(tmp_path / "other.key")
    with pytest.raises(HeadendInputError, match=r"other\.key: not the one that this database was made with$"):
        Safe(store, tmp_path / "other.key")


BAD_FILES = [
    ("", 0o600, "not a key file"),
    ("keiki-key-1 AAAA\n", 0o600, "not a key file"),
    ("keiki-key-1 !!!!\n", 0o600, "not a key file"),
    ("\udcff", 0o600, "not a key file"),
    ("x" * 300, 0o600, "not a key file"),
    (None, 0o600, "No such file or directory"),
]


@pytest.mark.parametrize(("text", "mode", "fault"), BAD_FILES)
def test_a_bad_key_file_is_one_clear_line(
    make_url: object, tmp_path: Path, text: str | None, mode: int, fault: str
) -> None:
    from keiki_host.headend.keys import read_key_file

    path = tmp_path / "bad.key"
    if text is not None:
        path.write_bytes(text.encode(errors="surrogateescape"))
        path.chmod(mode)
    with pytest.raises(HeadendInputError, match=f"^key file {path}: {fault}$"):
        read_key_file(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused(key_file: Path, mode: int) -> None:
    from keiki_host.headend.keys import read_key_file

    key_file.chmod(mode)
    with pytest.raises(HeadendInputError, match="others may read it"):
        read_key_file(key_file)


def test_a_key_file_is_never_written_over(key_file: Path) -> None:
    assert key_file.stat().st_mode & 0o777 == 0o600
    before = key_file.read_bytes()
    with pytest.raises(HeadendInputError, match="File exists"):
        make_key_file(key_file)
    assert key_file.read_bytes() == before


def test_a_row_cannot_stand_in_for_another(store: Store, key_file: Path) -> None:
    first, second, _ = make(store)
    safe = Safe(store, key_file)
    safe.put(first, {"ek": EK}, who=WHO, now_s=DAY)
    with store.write() as connection:
        connection.execute(update(meter_key).values(meter_id=second))
    with pytest.raises(HeadendInputError, match="not as it was written"):
        safe.current()


def test_a_key_change_keeps_both_keys_until_the_meter_answers(store: Store, key_file: Path) -> None:
    meter_id, *_ = make(store)
    safe = Safe(store, key_file)
    safe.put(meter_id, {"ek": EK, "ak": AK}, who=WHO, now_s=DAY)
    counters.accept(store, meter_id, Channel.RECEIVE, 500)
    counters.reserve(store, meter_id, Channel.SEND, 100)
    key_id = safe.pend(meter_id, "ek", NEW, who=WHO, now_s=DAY)
    assert (safe.current()[meter_id]["ek"], safe.pending()[meter_id]["ek"]) == (EK, NEW)
    safe.confirm(key_id, who=WHO, now_s=DAY)
    assert (safe.current(), safe.pending()) == ({meter_id: {"ek": NEW, "ak": AK}}, {})
    assert counters.accept(store, meter_id, Channel.RECEIVE, 1)  # the meter may begin again
    assert counters.reserve(store, meter_id, Channel.SEND) == 101  # the head-end does not
    with pytest.raises(HeadendInputError, match="it is not pending"):
        safe.confirm(key_id, who=WHO, now_s=DAY)


def test_a_key_that_the_meter_does_not_have_is_dropped(store: Store, key_file: Path) -> None:
    meter_id, *_ = make(store)
    safe = Safe(store, key_file)
    safe.put(meter_id, {"ek": EK}, who=WHO, now_s=DAY)
    key_id = safe.pend(meter_id, "ek", NEW, who=WHO, now_s=DAY)
    safe.drop(key_id, who=WHO, now_s=DAY)
    assert (safe.current(), safe.pending()) == ({meter_id: {"ek": EK}}, {})


def test_only_keys_are_taken(store: Store, key_file: Path) -> None:
    meter_id, *_ = make(store)
    safe = Safe(store, key_file)
    with pytest.raises(HeadendInputError, match="none called password"):
        safe.put(meter_id, {"password": EK}, who=WHO, now_s=DAY)
    with pytest.raises(HeadendInputError, match="not 16 bytes"):
        safe.put(meter_id, {"ek": os.urandom(15)}, who=WHO, now_s=DAY)
    assert safe.current() == {}
