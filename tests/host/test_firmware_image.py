"""The image of compiled firmware: made once, shared, made anew when it must be, and its complaints."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from keiki_host.bench import firmware_image
from keiki_host.bench.errors import BenchError
from keiki_host.bench.firmware_image import FirmwareImage

MODULE = "def f():\n    return 1 // 0\n"


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small firmware of its own, and a cache of its own."""
    root = tmp_path / "firmware"
    (root / "keiki" / "wire").mkdir(parents=True)
    (root / "main.py").write_text("import board\nfrom keiki.wire import thing\nthing.f()\n")
    (root / "board.py").write_text("NAME = 'test'\n")
    for name in ("boards/unix/start.py", "firmware/selector.py"):
        shutil.copy(Path(__file__).parents[2] / name, root)
    for name in ("__init__.py", "wire/__init__.py"):
        (root / "keiki" / name).touch()
    (root / "keiki" / "wire" / "thing.py").write_text(MODULE)
    monkeypatch.setattr(firmware_image, "firmware_paths", lambda: (root, root / "main.py", root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KEIKI_FIRMWARE_SOURCES", raising=False)
    return root


def names(folder: Path) -> list[str]:
    """All files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def held(count: int) -> list[Path]:
    """Folders of so many images that were opened one after another and are open no more."""
    folders = []
    for _ in range(count):
        image = FirmwareImage()
        folders.append(image.main.parent)
        image.close()
    return folders


def test_an_image_is_a_rom_and_what_starts_it(sources: Path, micropython: str) -> None:
    [folder] = held(1)
    assert names(folder) == ["modules.txt", "names.json", "rom.img", "selector.py", "start.py"]
    walk = "import os, vfs; vfs.mount(vfs.VfsRom(open('rom.img', 'rb').read()), '/rom'); " + (
        "print([sorted(os.listdir('/rom' + name)) for name in ('', '/keiki', '/keiki/wire')])"
    )
    run = subprocess.run([micropython, "-c", walk], cwd=folder, capture_output=True, text=True, check=True)
    assert run.stdout == (
        "[['board.mpy', 'keiki', 'main.mpy'], ['__init__.mpy', 'wire'], ['__init__.mpy', 'thing.mpy']]\n"
    )
    assert folder.parent.name == "keiki" and folder.parent.parent.name == "cache"


def test_a_traceback_names_the_source_and_its_line(sources: Path, micropython: str) -> None:
    image = FirmwareImage()
    env = {**os.environ, "MICROPYPATH": image.path}
    run = subprocess.run([micropython, str(image.main)], env=env, capture_output=True, text=True, check=False)
    told = [image.where(line) for line in run.stdout.splitlines()]
    image.close()
    assert run.returncode == 1
    assert '  File "keiki/wire/thing.py", line 2, in f' in told


def test_the_same_sources_are_one_image_and_changed_ones_another(sources: Path) -> None:
    first, second = held(2)
    made_ns = (first / "rom.img").stat().st_mtime_ns
    assert first == second and (second / "rom.img").stat().st_mtime_ns == made_ns
    (sources / "board.py").write_text("NAME = 'other'\n")
    assert held(1)[0] != first


def test_an_image_that_is_not_whole_is_made_anew(sources: Path) -> None:
    [folder] = held(1)
    whole = (folder / "rom.img").read_bytes()
    for spoil in (lambda path: path.write_bytes(b""), Path.unlink):
        spoil(folder / "rom.img")
        assert held(1) == [folder]
        assert (folder / "rom.img").read_bytes() == whole


def test_many_at_once_share_one_image(sources: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: held(1)[0], range(16)))
    [folder] = folders
    assert len(names(folder)) == 5 and list(folder.parent.iterdir()) == [folder]


def test_a_module_that_does_not_compile_is_named_with_its_line(sources: Path) -> None:
    (sources / "keiki" / "wire" / "thing.py").write_text("x = 1\n\ndef f(:\n    pass\n")
    with pytest.raises(BenchError) as error:
        FirmwareImage()
    assert str(error.value) == "firmware: keiki/wire/thing.py, line 3: SyntaxError: invalid syntax"
    assert names(sources.parent / "cache") == []


@pytest.mark.parametrize("cache", ["/dev/null/cache", "/proc/cache"])
def test_without_a_cache_an_image_is_made_for_one_run(
    cache: str, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    image = FirmwareImage()
    folder = image.main.parent
    assert len(names(folder)) == 5
    image.close()
    assert not folder.exists()


def test_the_four_images_used_last_are_kept_and_those_that_are_open(sources: Path) -> None:
    def use(number: int) -> FirmwareImage:
        (sources / "board.py").write_text(f"NAME = '{number}'\n")
        image = FirmwareImage()
        os.utime(image.main.parent, (number, number))
        return image

    images = [use(number) for number in range(1, 7)]
    folders = [image.main.parent for image in images]
    for image in images[1:]:
        image.close()
    abandoned = folders[0].parent / ".making-1"
    abandoned.mkdir()
    os.utime(abandoned, (1, 1))
    use(7).close()
    assert [folder.exists() for folder in folders] == [True, False, False, True, True, True]
    assert not abandoned.exists()
    images[0].close()


def test_sources_run_as_they_are_if_the_environment_says_so(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEIKI_FIRMWARE_SOURCES", "1")
    image = FirmwareImage()
    assert (image.main, image.path) == (sources / "main.py", f"{sources}:{sources}:.frozen")
    assert image.heap != firmware_image.HEAP
    assert not (sources.parent / "cache").exists()
