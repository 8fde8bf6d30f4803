"""The REST API: every endpoint for every scope, values as the store has them, nothing of anybody else."""

import socket
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from keiki_host.headend import parties, registry, trail
from keiki_host.headend.api import guards, server
from keiki_host.headend.api.app import PREFIX, make_app
from keiki_host.headend.database import Store, make_engine

from tests.headend.api_world import POINTS, SCOPES, World, served
from tests.headend.fleet_of_few import SLOT

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
    ("GET", "/collector", None, {"operator"}),
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


class Asking(World):
    """The world, asked as by the token of a scope."""

    @cached_property
    def app(self) -> FastAPI:
        return make_app(self.place)

    def ask(self, who: str | None, method: str, path: str, body: Any = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        with TestClient(self.app, raise_server_exceptions=True) as client:
            return client.request(method, PREFIX + path, json=body, headers=headers, **options)


@pytest.fixture
def world(make_url: Callable[[str], str], tmp_path: Path) -> Iterator[Asking]:
    store = Store(make_engine(make_url("sqlite")))
    yield Asking(store, tmp_path)
    store.close()


def test_every_endpoint_is_in_the_table(world: Asking) -> None:
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


def test_every_scope_at_every_endpoint(world: Asking) -> None:
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


def test_a_day_is_what_the_store_has(world: Asking) -> None:
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


def test_days_before_a_customer_moved_in_are_not_shown(world: Asking) -> None:
    assert world.ask("CA", "GET", f"/points/{POINTS[0]}/day?date=2026-05-31").status_code == 403
    assert world.ask("operator", "GET", f"/points/{POINTS[0]}/day?date=2026-05-31").status_code == 200
    assert world.ask("CA", "GET", "/points").json()["points"] == [POINTS[0]]
    assert world.ask("RB", "GET", "/points").json()["points"] == [POINTS[1]]
    both = world.ask("operator", "GET", "/points?most=1").json()
    assert both["points"] == [POINTS[0]]
    assert world.ask("operator", "GET", f"/points?after={both['after']}").json()["points"] == [POINTS[1]]


def test_a_command_is_queued_and_taken_back(world: Asking) -> None:
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
def test_wrong_input_is_one_line(world: Asking, method: str, path: str, body: Any, status: int) -> None:
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
def test_injection_is_text(world: Asking, text: str) -> None:
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


def test_an_oversized_body_is_refused_however_it_comes(world: Asking) -> None:
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
def test_a_wrong_token_is_401_and_on_the_trail(world: Asking, header: str) -> None:
    with TestClient(world.app) as client:
        answer = client.get(f"{PREFIX}/me", headers={"Authorization": header.encode()})
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    line = trail.entries(world.store, most=1)[0]
    assert line.outcome == "denied" and line.detail["peer"] == "testclient"
    assert header[7:] not in str(line) or len(header) < 9


def test_every_answer_keeps_the_browser_out_of_mischief(world: Asking) -> None:
    for who, path in (("operator", "/me"), (None, "/me"), ("operator", "/nothing")):
        headers = world.ask(who, "GET", path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"


def test_a_slow_client_is_cut_off_and_others_are_served(
    world: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_S", 0.3)
    monkeypatch.setattr(guards, "BODY_S", 0.3)
    with served(world.place) as url:
        port = int(url.rpartition(":")[2])
        head = f"POST {PREFIX}/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()
        slow = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(50)]
        for index, sock in enumerate(slow):
            sock.sendall(b"GET / HT" if index % 2 else head + b"{")
        with socket.create_connection(("127.0.0.1", port), 10) as prompt:
            prompt.sendall(f"GET {PREFIX}/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert prompt.recv(100).startswith(b"HTTP/1.1 401")
        for index, sock in enumerate(slow):
            said = sock.recv(1000)
            assert said == b"" if index % 2 else said.startswith(b"HTTP/1.1 408"), said
            sock.close()
