"""The head-end in one process: the collector, the API and the page, until it is told to end."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keiki_host.headend import commands, tokens, trail
from keiki_host.headend.api.caller import Place
from keiki_host.headend.api.server import make_server
from keiki_host.headend.collect.clock import Clock
from keiki_host.headend.collect.intake import Intake
from keiki_host.headend.collect.listener import Listener
from keiki_host.headend.collect.lock import CollectorLock
from keiki_host.headend.collect.puller import Limits, Puller
from keiki_host.headend.collect.roster import Meter, Roster, own_title
from keiki_host.headend.collect.rounds import Rounds
from keiki_host.headend.collect.session import Sessions
from keiki_host.headend.collect.sockets import bound, shown
from keiki_host.headend.collect.worker import Worker
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendError, StoreUnavailableError
from keiki_host.headend.keys import Safe

WHO = "collector"
_WATCH_S = 2.0
_ALL = ("0.0.0.0", "::")  # addresses that no meter can send to
_SUSPECT_EVERY_S = 3600
_FILES_WANTED = 65_536


@dataclass(frozen=True)
class Options:
    """What to serve. `files`: the folder of C-route files; None: none are made."""

    push: tuple[str, int] = ("127.0.0.1", 4059)
    http: tuple[str, int] = ("127.0.0.1", 8030)
    files: Path | None = None
    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(default_factory=Limits)
    reached_at: str | None = None
    """HOST:PORT that meters are told to send to; None: `push`."""


class Service:
    """Everything put together. `start` returns the ready line; `run` works until cancelled, then `close`."""

    def __init__(self, store: Store, safe: Safe, options: Options, tell: Callable[[str], None]) -> None:
        clock = options.clock
        self.options = options
        self.roster = Roster(store, safe)
        self.intake = Intake(store, clock, tell)
        self._store = store
        self._safe = safe
        self._clock = clock
        self._tell = tell
        self.lock = CollectorLock(store)
        self._suspects: dict[tuple[int, str], int] = {}
        self._background: set[asyncio.Task[None]] = set()
        self.listener: Listener | None = None
        self.puller: Puller | None = None
        self.worker: Worker | None = None
        self.rounds = Rounds(store, clock, options.files, tell)
        self._http: socket.socket | None = None

    async def start(self) -> dict[str, Any]:
        """Take the lock, read the registry, open both ports. HeadendError: that cannot be."""
        _raise_file_limit()
        try:
            await asyncio.to_thread(self.lock.take)
            await asyncio.to_thread(commands.take_over, self._store, now_s=self._clock.now_s)
            self.roster.apply(await asyncio.to_thread(self.roster.load))
            title = await asyncio.to_thread(own_title, self._store)
            self._http = bound("http", *self.options.http)
            listener = self.listener = Listener(self.roster, self.intake, self._clock, title)
            listener.on_suspect = self._suspect
            listener.on_pending = self._speaks_under_pending
            host, port = self.options.push
            port = await listener.open(host, port)
            self._make_askers(title, self.options.reached_at or ("" if host in _ALL else shown(host, port)))
            ready: dict[str, Any] = {
                "url": f"http://{shown(*self._http.getsockname()[:2])}",
                "push": shown(host, port),
                "system_title": title.hex(),
                "meters": len(self.roster.meters),
            }
            token = await asyncio.to_thread(first_token, self._store, self._clock.now_s)
        except BaseException:
            self.close()
            raise
        return ready if token is None else {**ready, "token": token}

    def _make_askers(self, title: bytes, push_to: str) -> None:
        sessions = Sessions(self._store, title)
        self.puller = Puller(
            self._store,
            self.roster,
            self.intake,
            sessions,
            self._clock,
            tell=self._tell,
            limits=self.options.limits,
        )
        self.worker = Worker(self._store, self._safe, self.roster, sessions, self._clock, push_to)
        assert self.listener is not None
        self.listener.on_alarm = self.puller.now

    @property
    def stats(self) -> dict[str, dict[str, int]]:
        """What everybody counted."""
        parts = (self.listener, self.intake, self.puller, self.worker, self.rounds)
        return {type(part).__name__.lower(): dict(part.stats) for part in parts if part is not None}

    async def run(self) -> None:
        """Work until cancelled."""
        assert self.listener is not None and self._http is not None
        assert self.puller is not None and self.worker is not None
        place = Place(
            self._store, self.options.files, self._clock.now, lambda: self.stats, self.puller.trouble
        )
        server = make_server(place, *self.options.http)
        serving = asyncio.create_task(server.serve(sockets=[self._http]))
        try:
            async with asyncio.TaskGroup() as group:
                for work in (
                    self.intake.run(),
                    self.listener.run(),
                    self.puller.run(),
                    self.worker.run(),
                    self.rounds.run_deliveries(),
                    self.rounds.run_judging(),
                    self._watch(),
                ):
                    group.create_task(work)
                group.create_task(_ends(serving))
        finally:
            server.should_exit = True
            await serving

    def close(self) -> None:
        """Close every port, and let another collector have the database."""
        if self.listener is not None:
            self.listener.close()
        if self._http is not None:
            self._http.close()
        self.lock.release()

    async def _watch(self) -> None:
        """Take over what changes in the registry, and see to it that the lock is still ours."""
        while True:
            await asyncio.sleep(_WATCH_S)
            try:
                if not await asyncio.to_thread(self.lock.held):
                    await asyncio.to_thread(self.lock.take)
                if await asyncio.to_thread(self.roster.changed):
                    self.roster.apply(await asyncio.to_thread(self.roster.load))
            except StoreUnavailableError:
                continue  # the intake tells of it

    def _suspect(self, meter: Meter, what: str) -> None:
        """A forgery or replay: on the trail, once an hour for each meter."""
        now_s = self._clock.now_s
        if now_s - self._suspects.get((meter.meter_id, what), -_SUSPECT_EVERY_S) < _SUSPECT_EVERY_S:
            return
        self._suspects[meter.meter_id, what] = now_s
        self._later(asyncio.to_thread(self._note, f"push.{what}", f"meter {meter.meter_id}", now_s))

    def _speaks_under_pending(self, meter: Meter) -> None:
        """It has its new keys, though nobody has heard so: they are the current ones now."""
        self._later(asyncio.to_thread(self._confirm, meter.meter_id, self._clock.now_s))

    def _confirm(self, meter_id: int, now_s: int) -> None:
        with contextlib.suppress(HeadendError):
            for key_id, (name, state) in self._safe.states(meter_id).items():
                if state == "pending" and name in ("ek", "ak"):
                    self._safe.confirm(key_id, who=WHO, now_s=now_s)

    def _note(self, action: str, subject: str, now_s: int) -> None:
        with contextlib.suppress(HeadendError), self._store.write() as connection:
            trail.note(connection, now_s, WHO, action, subject, outcome="denied")

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def serve(
    service: Service,
    show: Callable[[dict[str, Any]], None],
    progress: Callable[[dict[str, dict[str, int]]], None] | None = None,
    *,
    with_parent: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM, or until standard input ends if it was started `with_parent`.

    `show` hears the ready line, `progress` each second what was counted. HeadendError: it does not start, or
    cannot go on.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if with_parent:
        loop.add_reader(0, _look_for_end, loop, stop)
    try:
        show(await service.start())
        running = asyncio.create_task(service.run())
        stopped = asyncio.create_task(stop.wait())
        while not (running.done() or stopped.done()):
            await asyncio.wait({running, stopped}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
            if progress is not None:
                progress(service.stats)
        stopped.cancel()
        running.cancel()
        try:
            await running
        except asyncio.CancelledError:
            pass
        except ExceptionGroup as group:
            wrong = group.split(HeadendError)[0]
            raise _first(wrong or group) from None
    finally:
        service.close()


def _first(error: Exception) -> Exception:
    """The first exception of a group, however deep."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _look_for_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Whoever started this process is gone when its standard input has ended."""
    if not os.read(0, 4096):
        loop.remove_reader(0)
        stop.set()


async def _ends(serving: asyncio.Task[None]) -> None:
    """The API does not end by itself."""
    await asyncio.shield(serving)
    raise HeadendError("the API has ended")


def first_token(store: Store, now_s: int) -> str | None:
    """A token for an operator, if there is none of any kind yet: somebody must be able to come in."""
    if tokens.tokens(store):
        return None
    return tokens.make(store, "first operator", "operator", who=WHO, now_s=now_s)


def _raise_file_limit() -> None:
    """As many connections as the system lets this process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
