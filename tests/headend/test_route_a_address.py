"""URLs of an A-route: where it is, and the keys from a file, a sealed record or the environment."""

from pathlib import Path

import pytest
from keiki_host.bench.options import InputError
from keiki_host.cosem import address
from keiki_host.cosem.keys import Keys
from keiki_host.headend.keys import make_key_file
from keiki_host.provision import sealed

EK, AK = "11" * 16, "22" * 16
KEYS = Keys(bytes.fromhex(EK), bytes.fromhex(AK))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("KEIKI_KEYS", "KEIKI_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("keiki-headend.key", "other.key"):
        make_key_file(tmp_path / name)
    settings = {"serial": "A1", "dlms_ek": EK, "dlms_ak": AK}
    sealed.write(tmp_path / "A1.sealed", tmp_path / "keiki-headend.key", "A1", settings, new=True)
    sealed.write(tmp_path / "none.sealed", tmp_path / "keiki-headend.key", "A1", {"serial": "A1"}, new=True)
    (tmp_path / "a.keys").write_text(f'ek = "{EK}"\nak = "{AK}"\n')
    (tmp_path / "a.keys").chmod(0o600)


def test_keys_come_from_wherever_the_url_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for query in ("?record=A1.sealed", "?keys=a.keys"):
        assert address.parse(f"tcp://meter.example{query}") == address.Address("meter.example", 4059, KEYS)
    monkeypatch.setenv("KEIKI_KEYS", f"{EK}:{AK}")
    assert address.parse("tcp://[::1]:7") == address.Address("::1", 7, KEYS)
    assert EK not in repr(address.parse("tcp://[::1]:7"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("tcp://", "meter: 'tcp://' names no host"),
        ("tcp://host:port", "meter: 'tcp://host:port': Port could not be cast"),
        ("tcp://host", "keys: none: name a file with [?]keys=FILE or a sealed record"),
        ("tcp://host?key=a.keys", "behind the [?] of an A-route is keys=FILE or record=FILE"),
        ("tcp://host?keys=a.keys&record=A1.sealed", "behind the [?] of an A-route"),
        ("tcp://host?keys=none", "keys: none: No such file"),
        ("tcp://host?record=gone.sealed", "record: gone.sealed: No such file"),
        ("tcp://host?record=a.keys", "record: a.keys: not a sealed record"),
        ("tcp://host?record=none.sealed", "record: none.sealed: it has no keys of an A-route"),
    ],
)
def test_a_url_that_cannot_be_is_one_line(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        address.parse(url)
    assert "\n" not in str(caught.value)


def test_a_record_under_another_key_file_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEIKI_KEY_FILE", "other.key")
    with pytest.raises(InputError, match=r"not sealed under other\.key"):
        address.parse("tcp://host?record=A1.sealed")
    monkeypatch.setenv("KEIKI_KEY_FILE", "gone.key")
    with pytest.raises(InputError, match=r"gone\.key: No such file"):
        address.parse("tcp://host?record=A1.sealed")
