"""The REST API: every endpoint for every scope, values as the store has them, nothing of anybody else."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from keiki_host.headend import croute, parties, registry, tokens, trail
from keiki_host.headend.api.app import PREFIX, make_app
from keiki_host.headend.api.caller import Place
from keiki_host.headend.database import Store, make_engine
from keiki_host.headend.ingest import ingest

from tests.headend.fleet_of_few import DAY, SLOT, WHO, make, value

NOW_S = DAY + 20 * SLOT
ME = {"who": WHO, "now_s": NOW_S}
POINTS = [f"{n:022}" for n in (1, 2)]
SCOPES = ("CA", "CB", "RA", "RB", "operator", "auditor")

# method, path, body, who gets 2xx; CA and RA have the first point, CB and RB the second
ENDPOINTS: list[tuple[str, str, Any, set[str]]] = [
    ("GET", "/me", None, set(SCOPES)),
    ("GET", "/points", None, {"CA", "CB", "RA", "RB", "operator"}),
    ("GET", f"/points/{POINTS[0]}/day?date=2026-06-01", None, {"CA", "RA", "operator"}),
    ("GET", f"/points/{POINTS[1]}/day?date=2026-06-01", None, {"CB", "RB", "operator"}),
    ("GET", f"/points/{POINTS[0]}/month?month=2026-06", None, {"CA", "RA", "operator"}),
    ("GET", f"/points/{POINTS[0]}/now", None, {"CA", "RA", "operator"}),
    ("GET", "/points/0000000000000000000009/now", None, set()),
    ("GET", "/fleet?date=2026-06-01", None, {"operator"}),
    ("GET", "/fleet/misses?date=2026-06-01&area=north&kpi=within_30", None, {"operator"}),
    ("GET", "/meters", None, {"operator"}),
    ("GET", "/meters/K000001", None, {"operator"}),
    ("POST", "/commands", {"meter": "K000001", "kind": "read"}, {"operator"}),
    ("POST", "/commands", {"meter": "K000001", "kind": "clock", "arguments": {}}, {"operator"}),
    ("GET", "/commands", None, {"operator"}),
    ("GET", "/commands/1", None, {"operator"}),
    ("DELETE", "/commands/1", None, {"operator"}),
    ("GET", "/trail", None, {"auditor"}),
    ("GET", "/files", None, {"RA", "RB"}),
    ("GET", "/files/RA.csv", None, {"RA"}),
]  # fmt: skip


class World:
    """An API over a store with two points, and a client with the token of each scope."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        meters = make(store, 2)
        for code, kind in (("RA", "retailer"), ("RB", "retailer"), ("CA", "customer"), ("CB", "customer")):
            parties.add_party(store, code, code, kind, **ME)
        for number, retailer, customer in (("1", "RA", "CA"), ("2", "RB", "CB")):
            point = parties.find_point(store, number.zfill(22))
            parties.switch_supplier(store, point, parties.find_party(store, retailer).party_id, DAY, **ME)
            parties.move(store, point, parties.find_party(store, customer).party_id, DAY, **ME)
        for meter_id in meters:
            ingest(store, [value(meter_id, slot, 1000 + 100 * slot, slot) for slot in range(18)], now_s=NOW_S)
        self.files = croute.deliver(store, folder, now_s=NOW_S)
        self.place = Place(store, folder, lambda: NOW_S)
        self.app = make_app(self.place)
        self.tokens = {
            name: tokens.make(
                store,
                name,
                {"C": "customer", "R": "retailer"}.get(name[0], name),
                name if len(name) == 2 else None,
                **ME,
            )
            for name in SCOPES
        }

    def ask(self, who: str | None, method: str, path: str, body: Any = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        with TestClient(self.app, raise_server_exceptions=True) as client:
            return client.request(method, PREFIX + path, json=body, headers=headers, **options)


@pytest.fixture
def world(make_url: Callable[[str], str], tmp_path: Path) -> Iterator[World]:
    store = Store(make_engine(make_url("sqlite")))
    yield World(store, tmp_path)
    store.close()


def test_every_endpoint_is_in_the_table(world: World) -> None:
    described = {
        (method.upper(), path.removeprefix(PREFIX))
        for path, methods in world.app.openapi()["paths"].items()
        for method in methods
    }
    pattern = {("{number}", POINTS[0]), ("{name}", "RA.csv"), ("{name}", "K000001"), ("{command_id}", "1")}
    tested = set()
    for method, path, _, _ in ENDPOINTS:
        bare = path.partition("?")[0].replace(POINTS[1], POINTS[0]).replace("0" * 21 + "9", POINTS[0])
        for name, text in pattern:
            bare = bare.replace(f"/{text}", f"/{name}")
        tested.add((method, bare))
    assert tested == described


def test_every_scope_at_every_endpoint(world: World) -> None:
    own = {file.name for file in world.files}
    assert len(own) == 2
    name = {file.retailer_id: file.name for file in world.files}[
        parties.find_party(world.store, "RA").party_id
    ]
    for method, template, body, allowed in ENDPOINTS:
        path = template.replace("RA.csv", name)
        for who in (*SCOPES, None):
            before = len(trail.entries(world.store, most=1000))
            answer = world.ask(who, method, path, body)
            where = f"{method} {path} by {who}: {answer.text}"
            if who in allowed:
                if method == "DELETE" and answer.status_code == 400:
                    continue  # taken back already
                assert answer.status_code in (200, 202), where
                continue
            if "files/" in path and who == "RB":  # another retailer's file is as if it were not there
                assert answer.status_code == 400, where
            else:
                assert answer.status_code == (401 if who is None else 403), where
            assert set(answer.json()) == {"error"}
            assert "csv" in path or len(trail.entries(world.store, most=1000)) == before + 1, where
            assert trail.entries(world.store, most=1)[0].outcome == "denied" or "csv" in path, where


def test_a_day_is_what_the_store_has(world: World) -> None:
    day = world.ask("CA", "GET", f"/points/{POINTS[0]}/day?date=2026-06-01").json()
    assert len(day["half_hours"]) == 48 and day["missing"] == 48 - 17
    assert day["half_hours"][0] == {
        "start": "2026-06-01T00:00:00+09:00",
        "import_wh": 100,
        "export_wh": 1,
        "quality": "valid",
    }
    assert day["half_hours"][40]["import_wh"] is None and day["import_wh"] == 1700 and day["export_wh"] == 17
    month = world.ask("operator", "GET", f"/points/{POINTS[0]}/month?month=2026-06").json()
    assert len(month["days"]) == 30 and month["days"][0]["import_wh"] == 1700
    now = world.ask("RA", "GET", f"/points/{POINTS[0]}/now").json()
    assert now["half_hour"]["start"] == "2026-06-01T08:00:00+09:00"
    assert now["mean_power_w"] == 198 and now["age_s"] == 3 * SLOT


def test_days_before_a_customer_moved_in_are_not_shown(world: World) -> None:
    assert world.ask("CA", "GET", f"/points/{POINTS[0]}/day?date=2026-05-31").status_code == 403
    assert world.ask("operator", "GET", f"/points/{POINTS[0]}/day?date=2026-05-31").status_code == 200
    assert world.ask("CA", "GET", "/points").json()["points"] == [POINTS[0]]
    assert world.ask("RB", "GET", "/points").json()["points"] == [POINTS[1]]
    both = world.ask("operator", "GET", "/points?most=1").json()
    assert both["points"] == [POINTS[0]]
    assert world.ask("operator", "GET", f"/points?after={both['after']}").json()["points"] == [POINTS[1]]


def test_a_command_is_queued_and_taken_back(world: World) -> None:
    asked = world.ask(
        "operator", "POST", "/commands", {"meter": "K000001", "kind": "limit", "arguments": {"limit_a": 30}}
    )
    assert asked.status_code == 202 and asked.json()["state"] == "queued"
    number = asked.json()["id"]
    assert world.ask("operator", "DELETE", f"/commands/{number}").json()["state"] == "cancelled"
    assert world.ask("operator", "DELETE", f"/commands/{number}").status_code == 400
    assert world.ask("operator", "GET", "/commands?meter=K000001").json()["commands"][0]["id"] == number
    line = world.ask("auditor", "GET", "/trail").json()["entries"][0]
    assert "operator" in line["who"]  # fmt: skip


WRONG = [
    ("GET", "/points/x/day?date=2026-13-01", None, 422),
    ("GET", f"/points/{POINTS[0]}/day", None, 422),
    ("GET", f"/points/{POINTS[0]}/day?date=0001-01-01", None, 400),
    ("GET", f"/points/{POINTS[0]}/month?month=2026-6", None, 422),
    ("GET", f"/points/{POINTS[0]}/month?month=2026-13", None, 400),
    ("GET", "/fleet/misses?date=2026-06-01&area=nowhere&kpi=within_30", None, 400),
    ("GET", "/fleet/misses?date=2026-06-01&area=north&kpi=luck", None, 422),
    ("GET", "/meters/nobody", None, 400),
    ("GET", "/meters?most=1001", None, 422),
    ("POST", "/commands", {"meter": "nobody", "kind": "read"}, 400),
    ("POST", "/commands", {"meter": "K000001", "kind": "explode"}, 400),
    ("POST", "/commands", {"meter": "K000001", "kind": "limit", "arguments": {"limit_a": 121}}, 400),
    ("POST", "/commands", {"meter": "K000001", "kind": "read", "more": 1}, 422),
    ("POST", "/commands", [], 422),
    ("GET", "/commands/999", None, 400),
    ("GET", "/nothing", None, 404),
    ("PUT", "/me", None, 405),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), WRONG, ids=range(len(WRONG)))
def test_wrong_input_is_one_line(world: World, method: str, path: str, body: Any, status: int) -> None:
    answer = world.ask("operator", method, path, body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(answer.json()) == {"error"} and "\n" not in error and "Traceback" not in error


HOSTILE = [
    "'; DROP TABLE reading; --",
    "../../etc/passwd",
    "%2e%2e%2f",
    "a\r\nX-Evil: 1",
    "\x00",
    "名前" * 40,
    "{{7*7}}",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_injection_is_text(world: World, text: str) -> None:
    from urllib.parse import quote

    said = quote(text, safe="")
    for path in (
        f"/points/{said}/now",
        f"/meters/{said}",
        f"/files/{said}",
        f"/fleet/misses?date=2026-06-01&area={said}&kpi=reading",
    ):
        for who in ("operator", "RA"):
            answer = world.ask(who, "GET", path)
            assert 400 <= answer.status_code < 500, (path, answer.text)
            assert "X-Evil" not in answer.headers
    body = {"meter": text, "kind": "read"}
    assert world.ask("operator", "POST", "/commands", body).status_code in (400, 422)
    assert len(registry.meters(world.store)) == 2


def test_an_oversized_body_is_refused_however_it_comes(world: World) -> None:
    long = b'{"meter": "' + b"x" * 20_000 + b'"}'
    headers = {"Authorization": f"Bearer {world.tokens['operator']}", "Content-Type": "application/json"}
    with TestClient(world.app) as client:
        for content in (long, iter([long[:9000], long[9000:]])):
            answer = client.post(f"{PREFIX}/commands", content=content, headers=headers)
            assert answer.status_code == 413 and "16384" in answer.json()["error"]


TOKENS = [
    "",
    "Bearer",
    "Bearer x",
    "Basic a2Vpa2k6",
    "Bearer keiki_" + "A" * 43,
    "Bearer " + "k" * 5000,
    "Bearer é",
]


@pytest.mark.parametrize("header", TOKENS, ids=range(len(TOKENS)))
def test_a_wrong_token_is_401_and_on_the_trail(world: World, header: str) -> None:
    with TestClient(world.app) as client:
        answer = client.get(f"{PREFIX}/me", headers={"Authorization": header.encode()})
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    line = trail.entries(world.store, most=1)[0]
    assert line.outcome == "denied" and line.detail["peer"] == "testclient"
    assert header[7:] not in str(line) or len(header) < 9


def test_every_answer_keeps_the_browser_out_of_mischief(world: World) -> None:
    for who, path in (("operator", "/me"), (None, "/me"), ("operator", "/nothing")):
        headers = world.ask(who, "GET", path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
