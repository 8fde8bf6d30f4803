"""A whole day of a house with solar cells, metered second by second, read by momonga, against the truth."""

import asyncio
from itertools import pairwise
from pathlib import Path

from keiki.wire.slots import utc_from_jst
from keiki_host.bench.truth import read_truth

from tests.conformance.desk import desk
from tests.conformance.rpc import Client

DAY_S = utc_from_jst(2026, 5, 17)
COUNT_WH = 1.0


def differences(found: list[float], truth: list[float]) -> tuple[list[float], list[float]]:
    """Return Wh of each slot, as read and as true."""
    return (
        [b - a for a, b in pairwise(found)],
        [b - a for a, b in pairwise(truth)],
    )


def test_every_slot_of_a_day_read_by_momonga_is_the_truth(tmp_path: Path) -> None:
    async def scenario() -> None:
        truth_file = tmp_path / "truth.csv"
        options = {
            "load": "house",
            "seed": 4,
            "start_s": float(DAY_S),
            "truth": truth_file,
            "settings": {"unit": 3, "digits": 8, "import_start_wh": 12345678, "export_start_wh": 345678},
        }
        async with desk(**options) as bench:
            meter = bench.meters[0]
            await meter.clock.run_to(meter.clock.now_ms + 86400 * 1000 + 60_000)
            memory = await meter.firmware.call("memory")
            assert memory["used"] + memory["free"] < 160 * 2048 + 8192, "not the heap of a small board"
            meter.clock.pace(1)
            route = bench.meters[0].ready()["route_b"]
            async with Client("momonga") as client:
                await client.call(
                    "open", rbid=route["id"], pwd=route["password"], dev=meter.dongles[0].path, timeout=120
                )
                read = {
                    reverse: await client.call("history_day", day=1, reverse=reverse)
                    for reverse in (False, True)
                }
                midnight = {
                    reverse: (await client.call("history_day", day=0, reverse=reverse))[0]
                    for reverse in (False, True)
                }
                await client.call("close")
        truth = read_truth(truth_file)
        for direction, reverse in enumerate((False, True)):
            wh = [slot["cumulative energy"] * 1000 for slot in [*read[reverse], midnight[reverse]]]
            true_wh = [truth[DAY_S + 1800 * slot][direction] for slot in range(49)]
            assert len(wh) == 49
            assert abs(wh[0] - true_wh[0]) <= COUNT_WH + 1
            for slot, (found, true) in enumerate(zip(*differences(wh, true_wh), strict=True)):
                assert abs(found - true) <= 0.001 * true + COUNT_WH, (reverse, slot, found, true)
            assert true_wh[48] - true_wh[0] > 1000, "a day without import or export shows nothing"
            print(
                "export" if reverse else "import",
                f"{true_wh[48] - true_wh[0]:.1f} Wh, worst slot",
                f"{max(abs(a - b) for a, b in zip(*differences(wh, true_wh), strict=True)):.2f} Wh",
            )

    asyncio.run(scenario())
