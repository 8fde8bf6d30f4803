"""How a client program talks with the test that runs it: a JSON command a line in, a JSON answer a line out.

`{"op": "get", "name": "x", "limit_s": 60}` -> `{"result": ...}` or `{"error": "ExceptionName", "text": ...}`.
A command that takes longer than `limit_s` is answered `ClientTimeout` and ends the program, as do the end of
the input and the program's own life time. Whatever else the package prints goes to stderr.
"""

import asyncio
import datetime
import decimal
import enum
import inspect
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

LIFE_S = 900.0
LIMIT_S = 120.0


def jsonable(value: Any) -> Any:
    """Turn a package's result into JSON: codes and bytes as hex, times ISO, decimals as numbers."""
    if isinstance(value, enum.IntEnum):
        return f"{value:02X}"
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | bytearray):
        return value.hex().upper()
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dict):
        return {
            f"{key:02X}" if isinstance(key, int) else str(key): jsonable(part) for key, part in value.items()
        }
    if isinstance(value, set | frozenset):
        return sorted(f"{part:02X}" for part in value)
    if isinstance(value, list | tuple):
        return [jsonable(part) for part in value]
    return str(value)


class Answers:
    """The real stdout, kept for answers; everybody else's prints go to stderr."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        timer = threading.Timer(float(os.environ.get("CLIENT_LIFE_S", LIFE_S)), os._exit, (5,))
        timer.daemon = True
        timer.start()

    def result(self, value: Any) -> None:
        """Answer with a result."""
        self._write({"result": jsonable(value)})

    def error(self, error: BaseException) -> None:
        """Answer with an exception's name and text."""
        self._write({"error": type(error).__name__, "text": str(error)})

    def timeout(self, op: str, limit_s: float) -> None:
        """Answer that a command took too long."""
        self._write({"error": "ClientTimeout", "text": f"{op} took longer than {limit_s:g} s"})

    def _write(self, answer: dict[str, Any]) -> None:
        self._out.write(json.dumps(answer) + "\n")
        self._out.flush()


class UnknownOp(Exception):
    """No such command."""


def _command(line: str) -> tuple[str, float, dict[str, Any]]:
    args = json.loads(line)
    return args.pop("op"), float(args.pop("limit_s", LIMIT_S)), args


def _find(program: Any, op: str) -> Callable[..., Any]:
    method = getattr(program, "op_" + op, None)
    if method is None:
        raise UnknownOp(op)
    return method  # type: ignore[no-any-return]


def serve(program: Any) -> None:
    """Run a program whose methods `op_*` block, until its input ends."""
    answers = Answers()
    for line in sys.stdin:
        op, limit_s, args = _command(line)
        done: queue.Queue[Any] = queue.Queue()

        def work(op: str = op, args: dict[str, Any] = args, done: queue.Queue[Any] = done) -> None:
            try:
                done.put((True, _find(program, op)(**args)))
            except BaseException as error:
                done.put((False, error))

        threading.Thread(target=work, daemon=True).start()
        try:
            good, value = done.get(timeout=limit_s)
        except queue.Empty:
            answers.timeout(op, limit_s)
            os._exit(4)
        if good:
            answers.result(value)
        else:
            answers.error(value)
    os._exit(0)


async def serve_async(program: Any) -> None:
    """Run a program whose methods `op_*` are coroutines (or plain), on this loop, until its input ends."""
    answers = Answers()
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        op, limit_s, args = _command(line.decode())
        try:
            value = _find(program, op)(**args)
            if inspect.isawaitable(value):
                value = await asyncio.wait_for(_name_timeouts(value), limit_s)
            answers.result(value)
        except TimeoutError:
            answers.timeout(op, limit_s)
            os._exit(4)
        except Exception as error:
            answers.error(error.__cause__ if isinstance(error, _Inner) and error.__cause__ else error)
    os._exit(0)


class _Inner(Exception):
    """Carries the package's own TimeoutError past `wait_for`, which has the same."""


async def _name_timeouts(work: Any) -> Any:
    try:
        return await work
    except TimeoutError as error:
        raise _Inner from error
