"""Updates over the console: {"op": "update", "do": ...}, each answered with where it stands (Update.status).

"status" | "key", "modulus": base64 | "begin", "id": hex, "size": n, "older": true or false |
"data", "offset": n, "data": base64 | "verify" | "activate".
"verify", and a "begin" or "data" that completes the head, begin a check: "state" is "checking" until then.
"activate" makes it the version of the next start: the operation "restart" follows.
"""

from binascii import a2b_base64, unhexlify

from keiki.wire.settings import SettingError
from keiki.wire.update_manifest import BundleError


def answer(meter, request: dict) -> dict:
    """Carry out a request. SettingError says why not; OSError: flash refuses; others: wrong arguments."""
    update = meter.updates.open(meter)
    if update is None:
        raise SettingError("update: this board has no place for updates")
    try:
        _DO[request["do"]](update, request)
    except BundleError as error:
        raise SettingError("update: %s" % error) from None
    return update.status()


def _key(update, request: dict) -> None:
    update.trust(a2b_base64(request["modulus"]))


def _begin(update, request: dict) -> None:
    update.begin(unhexlify(request["id"]), int(request["size"]), bool(request.get("older")))


def _data(update, request: dict) -> None:
    update.write(int(request["offset"]), a2b_base64(request["data"]))


_DO = {
    "status": lambda update, request: None,
    "key": _key,
    "begin": _begin,
    "data": _data,
    "verify": lambda update, request: update.verify(),
    "activate": lambda update, request: update.activate(),
}
