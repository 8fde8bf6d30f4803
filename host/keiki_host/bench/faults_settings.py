"""Faults that are settings of the meter: what to ask of its console when one begins and when it ends."""

from typing import Any


def requests_on(params: dict[str, Any]) -> list[dict[str, Any]]:
    """Console requests that switch the fault on; `params` as `Faults.on_start` gives them."""
    return _requests(params["settings"], params["clock_step_ms"])


def requests_off(params: dict[str, Any], before: dict[str, Any]) -> list[dict[str, Any]]:
    """Console requests that undo it; `before`: the meter's settings as they were when it began."""
    return _requests({name: before[name] for name in params["settings"]}, -params["clock_step_ms"])


def _requests(settings: dict[str, Any], clock_step_ms: int) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = []
    if settings:
        requests.append({"op": "set", "values": settings})
    if clock_step_ms:
        requests.append({"op": "step_clock", "by_ms": clock_step_ms})
    return requests
