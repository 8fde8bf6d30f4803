"""A few kills of the whole meter; `make powerloss` has 200."""

import asyncio
from pathlib import Path

from tests.powerloss import sigkill


def test_what_momonga_has_read_stays_whenever_the_firmware_is_killed(tmp_path: Path) -> None:
    summary = asyncio.run(sigkill.play(7, 1, tmp_path, print))
    assert sum(summary.kills.values()) >= 7
    assert all(summary.kills[kind] for kind in ("boot", "reading", "boundary", "rush", "cut"))
    assert summary.compared > 100 and summary.boundaries > 0
    print(summary.text())
