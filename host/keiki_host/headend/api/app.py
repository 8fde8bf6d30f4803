"""Puts the API and the web page together. What goes wrong is `{"error": "one line"}`."""

from importlib import metadata
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from keiki_host.headend.access import DeniedError, UnknownTokenError
from keiki_host.headend.api import files, fleet, orders, points
from keiki_host.headend.api.caller import Asked, Place
from keiki_host.headend.api.guards import Guards
from keiki_host.headend.errors import HeadendError, HeadendInputError, StoreUnavailableError

PREFIX = "/api/v1"
PAGE = Path(__file__).parent.parent / "page"

# the first class that fits
_STATUS: tuple[tuple[type[HeadendError], int], ...] = (
    (UnknownTokenError, 401),
    (DeniedError, 403),
    (HeadendInputError, 400),
    (StoreUnavailableError, 503),
    (HeadendError, 500),
)
_MORE_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}


def make_app(place: Place) -> FastAPI:
    """An ASGI app over a store; `place.files` is where C-route files are."""
    app = FastAPI(
        title="keiki head-end",
        version=metadata.version("keiki-meter"),
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
    )
    app.state.place = place
    api = APIRouter(prefix=PREFIX)
    for router in (points.router, fleet.router, orders.router, files.router):
        api.include_router(router)

    @api.get("/me", tags=["caller"])
    def me(asked: Asked) -> dict[str, Any]:
        """Whose token this is."""
        return {"name": asked.who.name, "scope": asked.who.scope}

    app.include_router(api)
    app.add_exception_handler(HeadendError, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Guards)
    if PAGE.is_dir():
        app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def _answer(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status, headers=_MORE_HEADERS.get(status))


async def _failed(_request: Request, error: Exception) -> JSONResponse:
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    return _answer(status, str(error))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "body"
    return _answer(422, f"{where}: {first['msg']}")


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _answer(error.status_code, str(error.detail))
