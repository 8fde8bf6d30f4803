"""The A-route put together: keys, objects and services, for a meter that has TCP."""

from keiki.meter.alarms import Alarms
from keiki.meter.aroute import CONNECTIONS, IDLE_MS, ARoute
from keiki.meter.cosem.series_rows import SeriesRows
from keiki.meter.cosem.server import CosemMeter
from keiki.meter.push import Push
from keiki.meter.push_cursor import Cursor
from keiki.meter.push_message import RECEIVER
from keiki.wire.cosem.wrapper import PORT


class RouteA:
    """What `meter` (the composition root) needs to be read from afar."""

    def __init__(self, meter) -> None:
        self._meter = meter
        hal, events = meter.hal, meter.events
        self.alarms = Alarms(events.happened)
        events.on_event = self.alarms.hear
        self._addresses = hal.addresses()
        self.cosem = CosemMeter(meter, self.alarms, self._addresses[0], PORT, CONNECTIONS)
        self.service = ARoute(self.cosem.server, meter.settings, events, hal.ticks_ms, hal.report)
        store, cosem = meter.store, self.cosem
        if meter.updates.files is not None:
            cosem.updated = meter
        self.push = Push(
            SeriesRows(meter.history.half_hours.in_order),
            Cursor(store.kept, store.half_hours),
            self.alarms,
            cosem.guards[RECEIVER],
            meter.settings,
            meter.clock,
            events,
            cosem.live,
            hal,
        )
        cosem.push = self.push

    def settings_changed(self) -> None:
        """Take over what holds at once."""
        self.cosem.rekey()
        self.push.now()

    def add_services(self, add, board) -> None:
        """Start everything: `add(name, run, limit_ms)` as of the supervisor."""
        service, push, hal = self.service, self.push, self._meter.hal
        self._meter.statistics["aroute"] = lambda: dict(service.stats, **push.stats)
        add("aroute", service.run, 3 * IDLE_MS)
        add("push", push.run, 3 * IDLE_MS)
        plan = getattr(board, "BROWN_OUT", None)
        edge = None if plan is None else hal.edge(plan["pin"])
        if edge is not None:
            add("last_gasp", lambda _beat: push.run_last_gasp(edge))
        for name, address in zip(("tcp4", "tcp6"), self._addresses):
            if address:
                add(name, lambda _beat, of=address: self._listen(of))
        for name, address in zip(("cosem_udp4", "cosem_udp6"), self._addresses):
            if address:
                udp = hal.Udp(address, PORT, None)
                add(name, lambda _beat, of=udp: service.run_udp(of))

    async def _listen(self, address: str) -> None:
        listener = self._meter.hal.listen(address, PORT)
        try:
            await self.service.run_listener(listener)
        finally:
            listener.close()
