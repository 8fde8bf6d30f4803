"""The head-end's page: its files by HTTP, and all of it in a real Chromium where one is installed.

KEIKI_SCREENSHOT=1 renews the picture of docs/head-end.md.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from keiki_host.headend.api.app import PAGE
from keiki_host.headend.database import Store, make_engine

from tests.headend.api_world import POINTS, World, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "head-end.png"
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="no chromium on the PATH: the page is only read by HTTP"
)


@pytest.fixture
def world(make_url: Callable[[str], str], tmp_path: Path) -> Iterator[World]:
    store = Store(make_engine(make_url("sqlite")))
    yield World(store, tmp_path)
    store.close()


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with served(world.place) as found:
        yield found


def test_every_file_of_the_page_is_served_and_names_nothing_from_elsewhere(url: str) -> None:
    seen, todo = set(), {"", "style.css", "app.js"}
    while todo:
        name = todo.pop()
        seen.add(name)
        answer = httpx2.get(f"{url}/{name}")
        assert answer.status_code == 200, name
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"(src|href)=\"(https?:)?//", answer.text), name
        found = re.findall(r'from "\./([\w.]+)"', answer.text) + re.findall(
            r'(?:src|href)="([\w.]+)"', answer.text
        )
        todo |= set(found) - seen
    assert {path.name for path in PAGE.iterdir()} == seen - {""} | {"index.html"}
    assert httpx2.get(f"{url}/../app.py").status_code == 404


def test_every_text_is_there_in_both_languages() -> None:
    rows = re.findall(r'^  (\w+): \["(.+?)", "(.+?)"\],$', (PAGE / "words.js").read_text(), re.MULTILINE)
    known = {name for name, _, _ in rows}
    for path in PAGE.glob("*.js"):
        used = set(re.findall(r'word\("(\w+)"\)', path.read_text()))
        assert used <= known, path.name
    assert set(re.findall(r'data-(?:word|label)="(\w+)"', (PAGE / "index.html").read_text())) <= known
    assert all(japanese != english for _, japanese, english in rows)


@pytest.fixture
def page(url: str) -> Iterator[Any]:
    """A browser's page; what it complains of fails the test."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 390, "height": 800}, locale="ja-JP")
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.goto(url)
        yield page
        assert not [line for line in complaints if "401" not in line and "403" not in line]
        browser.close()


def enter(page: Any, token: str) -> None:
    page.get_by_label(re.compile("アクセストークン|Access token")).fill(token)
    page.keyboard.press("Enter")


@needs_chromium
def test_a_customer_picks_a_day_and_sees_its_48_bars(page: Any, world: World, url: str) -> None:
    enter(page, "keiki_wrong")
    page.get_by_text("トークンが無効です").wait_for()
    enter(page, world.tokens["CA"])
    page.get_by_label("日付").fill("2026-06-01")
    page.keyboard.press("Enter")
    chart = page.get_by_role("img", name="30分値 2026-06-01")
    chart.wait_for()
    assert chart.locator(".bar").count() == 48
    asked = httpx2.get(
        f"{url}/api/v1/points/{POINTS[0]}/day?date=2026-06-01",
        headers={"Authorization": f"Bearer {world.tokens['CA']}"},
    ).json()
    known = [row for row in asked["half_hours"] if row["import_wh"] is not None]
    shown = chart.locator("g.bar").evaluate_all(
        "bars => bars.map(bar => [+bar.dataset.import, +bar.dataset.export])"
    )
    assert shown == [[row["import_wh"], row["export_wh"]] for row in known] and len(known) == 17
    assert chart.locator(".missing").count() == 31
    page.get_by_role("button", name="English").click()
    page.get_by_role("img", name="Half-hour values 2026-06-01").wait_for()
    assert page.locator("html").get_attribute("lang") == "en"
    page.get_by_text("As a table").click()
    assert page.get_by_role("row").count() >= 49
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than a phone"
    assert page.get_by_role("link", name="Fleet").count() == 0


@needs_chromium
def test_an_operator_finds_a_miss_and_its_meter_and_gives_a_command(page: Any, world: World) -> None:
    page.set_viewport_size({"width": 1100, "height": 800})
    page.get_by_role("button", name="English").click()
    enter(page, world.tokens["operator"])
    page.get_by_role("link", name="Fleet").click()
    page.get_by_label("Day").fill("2026-06-01")
    page.keyboard.press("Enter")
    page.locator("main:not([aria-busy])").wait_for()
    page.get_by_role("button", name=re.compile("north Within 30 min .*Misses")).click()
    page.get_by_role("heading", name=re.compile("Misses: north")).wait_for()
    page.get_by_role("link", name="K000001").first.click()
    page.get_by_role("heading", name="Meter K000001").wait_for()
    page.get_by_role("link", name="Commands").click()
    page.get_by_label("Meter").fill("K000001")
    page.get_by_label("Command").select_option(label="Contract ampere")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("cell", name='limit {"limit_a":30}').wait_for()
    page.get_by_role("button", name="Take back").click()
    page.get_by_role("cell", name="cancelled", exact=True).wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Access token").wait_for()


@needs_chromium
def test_the_keyboard_alone_is_enough(page: Any, world: World) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    enter(page, world.tokens["CA"])
    page.get_by_role("img").first.wait_for()
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("(at => at.tagName + (at.name || at.id || ''))(document.activeElement)"))
    assert {"SELECTpoint", "INPUTdate", "BUTTONlanguage", "SUMMARY"} <= reached


@needs_chromium
@pytest.mark.skipif(
    "KEIKI_SCREENSHOT" not in os.environ, reason="KEIKI_SCREENSHOT=1 renews docs/head-end.png"
)
def test_the_picture_of_the_documentation(page: Any, world: World) -> None:
    page.set_viewport_size({"width": 1000, "height": 760})
    page.get_by_role("button", name="English").click()
    enter(page, world.tokens["CA"])
    page.get_by_label("Day", exact=True).fill("2026-06-01")
    page.keyboard.press("Enter")
    page.get_by_role("img", name="Half-hour values 2026-06-01").wait_for()
    page.screenshot(path=str(PICTURE))
