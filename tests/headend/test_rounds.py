"""What the head-end does by the clock."""

import asyncio
from pathlib import Path

import pytest
from keiki_host.headend import parties
from keiki_host.headend.collect import rounds
from keiki_host.headend.collect.clock import Clock
from keiki_host.headend.collect.rounds import Rounds, until_next
from keiki_host.headend.database import Store
from keiki_host.headend.ingest import ingest

from tests.headend.collector_world import until
from tests.headend.fleet_of_few import DAY, SLOT, WHO, make, value


@pytest.mark.parametrize(
    ("now_s", "wait_s"),
    [(DAY, 600), (DAY + 599.5, 0.5), (DAY + 600, 1800), (DAY + 601, 1799), (DAY + 2399, 1)],
)
def test_a_round_is_so_long_after_each_half_hour(now_s: float, wait_s: float) -> None:
    assert until_next(now_s, SLOT, 600) == wait_s


def test_every_value_is_handed_on_within_an_hour_and_a_folder_that_is_gone_costs_a_minute(
    sqlite_store: Store, tmp_path: Path
) -> None:
    store = sqlite_store
    me = {"who": WHO, "now_s": DAY}
    meters = make(store, 2)
    parties.add_party(store, "RA", "Retailer", "retailer", **me)
    for number in (1, 2):
        point = parties.find_point(store, f"{number:022}")
        parties.switch_supplier(store, point, parties.find_party(store, "RA").party_id, DAY - 86400, **me)
    told: list[str] = []
    slept: list[float] = []

    class Hurried(Clock):
        """Time passes when somebody waits for it, and values come meanwhile."""

        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            if len(slept) > 12:
                await asyncio.Event().wait()
            before_s = self.now_s
            world[0] += seconds
            came = [
                value(meter, slot, 1000 + slot, delay_s=300)
                for slot in range(100)
                for meter in meters
                if before_s < DAY + slot * SLOT + 300 <= self.now_s
            ]
            if came:
                ingest(store, came, now_s=self.now_s)
            if len(slept) == 4:
                (tmp_path / "out").rename(tmp_path / "away")
            if len(slept) == 6:
                (tmp_path / "away").rename(tmp_path / "out")

    world = [float(DAY)]
    (tmp_path / "out").mkdir()

    async def scenario() -> None:
        work = Rounds(store, Hurried(wall=lambda: world[0]), tmp_path / "out", told.append)
        task = asyncio.create_task(work.run_deliveries())
        await until(lambda: len(slept) > 12, "six hours have passed")
        task.cancel()

    asyncio.run(scenario())
    assert slept[:4] == [600, 1800, 1800, 1800] and slept.count(rounds._AGAIN_S) == 2
    assert len(told) == 1 and "No such file" in told[0], "told once, however long it lasts"
    lines = [
        line for path in sorted((tmp_path / "out").glob("*.csv")) for line in path.read_text().split()[1:]
    ]
    with store.read() as connection:
        late = connection.exec_driver_sql(
            "SELECT max(latest_s), sum(rows), sum(within_60) FROM delivery_file"
        ).one()
    assert len(lines) == len(set(lines)) == late[1] == late[2] and len(lines) >= 16
    assert late[0] <= 3600
