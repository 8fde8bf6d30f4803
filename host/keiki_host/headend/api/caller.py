"""Whose token a request has, and the store that it is about."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from keiki_host.headend import access
from keiki_host.headend.access import Action
from keiki_host.headend.database import Store
from keiki_host.headend.tokens import Principal


@dataclass(frozen=True)
class Place:
    """What an app works on: the store, the folder of C-route files, the clock (UTC seconds)."""

    store: Store
    files: Path | None = None
    now: Callable[[], float] = time.time
    collected: Callable[[], dict[str, dict[str, int]]] = dict
    """What the collector that is here has counted."""
    trouble: Callable[[int], tuple[str, int] | None] = lambda _meter_id: None
    """Why a meter could not be asked, and when it is tried again."""

    @property
    def now_s(self) -> int:
        """UTC seconds now."""
        return int(self.now())


@dataclass(frozen=True)
class Caller:
    """Who asks, and for what place."""

    place: Place
    who: Principal

    @property
    def store(self) -> Store:
        """The store."""
        return self.place.store

    @property
    def now_s(self) -> int:
        """UTC seconds now."""
        return self.place.now_s

    def allow(self, action: Action, subject: str) -> None:
        """DeniedError, and a line on the trail, unless the caller's scope allows it."""
        access.allow(self.store, self.who, action, subject, now_s=self.now_s)


def caller(request: Request) -> Caller:
    """The caller of a request by its header `Authorization: Bearer TOKEN`; UnknownTokenError without."""
    place: Place = request.app.state.place
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    peer = request.client.host if request.client else ""
    text = token.strip() if kind.lower() == "bearer" else ""
    return Caller(place, access.enter(place.store, text, now_s=place.now_s, peer=peer))


Asked = Annotated[Caller, Depends(caller)]
