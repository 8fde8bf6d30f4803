"""An API over a store with two points, and a token of each scope; for the API's and the page's tests."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keiki_host.headend import croute, parties, tokens
from keiki_host.headend.api.caller import Place
from keiki_host.headend.api.server import make_server
from keiki_host.headend.database import Store
from keiki_host.headend.ingest import ingest

from tests.headend.fleet_of_few import DAY, SLOT, WHO, make, value

NOW_S = DAY + 20 * SLOT
ME = {"who": WHO, "now_s": NOW_S}
POINTS = [f"{n:022}" for n in (1, 2)]
SCOPES = ("CA", "CB", "RA", "RB", "operator", "auditor")
"""Names of tokens: CA and RA have the first point, CB and RB the second."""


class World:
    """`files` are C-route files that were delivered; `tokens` by name."""

    def __init__(self, store: Store, folder: Path, *, slots: int = 18) -> None:
        self.store = store
        self.meters = make(store, 2)
        for code, kind in (("RA", "retailer"), ("RB", "retailer"), ("CA", "customer"), ("CB", "customer")):
            parties.add_party(store, code, code, kind, **ME)
        for number, retailer, customer in (("1", "RA", "CA"), ("2", "RB", "CB")):
            point = parties.find_point(store, number.zfill(22))
            parties.switch_supplier(store, point, parties.find_party(store, retailer).party_id, DAY, **ME)
            parties.move(store, point, parties.find_party(store, customer).party_id, DAY, **ME)
        for meter_id in self.meters:
            ingest(
                store,
                [value(meter_id, slot, 1000 + 100 * slot, slot) for slot in range(slots)],
                now_s=DAY + max(20, slots) * SLOT,
            )
        self.files = croute.deliver(store, folder, now_s=NOW_S)
        self.place = Place(store, folder, lambda: NOW_S)
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


@contextmanager
def served(place: Place) -> Iterator[str]:
    """The real server on loopback, in a thread; yields its URL."""
    server = make_server(place, "127.0.0.1", 0)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        end_s = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < end_s and thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
