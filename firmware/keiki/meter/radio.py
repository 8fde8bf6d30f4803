"""The Wi-SUN module of a board, put together: its line, its dialect, and the coordinator that speaks it."""

from keiki.drivers.line_reader import streams
from keiki.drivers.wisun import Wisun
from keiki.wire.sk.coordinator import Coordinator
from keiki.wire.sk.dialect import DIALECTS


def open_radio(plan: "dict | None", hal, settings, statistics: dict) -> "Wisun | None":
    """Return the driver of the module that the board's RADIO tells of; None: there is none, or no line."""
    stream = hal.uart(plan["uart"], plan["baudrate"]) if plan else None
    if not plan or stream is None:
        return None
    coordinator = Coordinator(
        settings.route_b_id,
        settings.route_b_password,
        dialect=DIALECTS[plan["dialect"]],
        pan_id=settings.pan_id,
        channel=settings.channel,
        lifetime_s=settings.session_s,
        rand=hal.random_below,
    )
    wisun = Wisun(*streams(stream), coordinator, hal.ticks_ms)
    statistics["radio"] = lambda: wisun.stats
    return wisun
