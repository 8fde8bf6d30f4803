"""C-route files, for the retailer whose they are."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse

from keiki_host.headend import access, croute
from keiki_host.headend.api.caller import Asked
from keiki_host.headend.errors import HeadendInputError

router = APIRouter(prefix="/files", tags=["C-route"])


@router.get("")
def list_(asked: Asked) -> dict[str, Any]:
    """The newest files first, with how late their values were."""
    retailer_id = access.own_retailer(asked.store, asked.who, now_s=asked.now_s)
    found = croute.files_of(asked.store, retailer_id)
    return {
        "files": [
            {
                "name": file.name,
                "rows": file.rows,
                "within_60": file.within_60,
                "latest_s": file.latest_s,
                "sha256": file.sha256,
            }
            for file in found
        ]
    }


@router.get("/{name}")
def one(name: str, asked: Asked) -> FileResponse:
    """One of the own files, by its name."""
    retailer_id = access.own_retailer(asked.store, asked.who, now_s=asked.now_s)
    # the name is looked up among the retailer's own and never made into a path by itself
    own = [file.name for file in croute.files_of(asked.store, retailer_id, most=10_000)]
    folder = asked.place.files
    if name not in own or folder is None or not (folder / name).is_file():
        raise HeadendInputError("file: there is none of that name")
    return FileResponse(folder / name, media_type="text/csv", filename=name)
