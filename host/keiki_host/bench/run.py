"""`keiki bench` in the foreground: ready line, guide for people, and a clean end."""

import asyncio
import json
import signal
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from keiki_host.bench.bench import Bench
from keiki_host.bench.errors import BenchError
from keiki_host.bench.options import BenchOptions


async def run(options: BenchOptions, *, guide: bool) -> None:
    """Run the bench until SIGINT or SIGTERM. BenchError if it cannot start or go on."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    bench = Bench(options)
    console = Console(stderr=True)
    stopped = asyncio.create_task(stop.wait())
    try:
        with Progress(console=console, transient=True, disable=not options.history_days) as bar:
            task = bar.add_task(f"Metering {options.history_days} days", total=1.0)
            starting = asyncio.create_task(bench.start(lambda part: bar.update(task, completed=part)))
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
                return
            ready = starting.result()
        try:
            print(json.dumps(ready), flush=True)
        except OSError as error:
            raise BenchError(f"standard output: {error.strerror}") from None
        if guide:
            show_guide(console, ready)
        running = asyncio.create_task(bench.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        running.cancel()
    finally:
        stopped.cancel()
        await bench.close()


def show_guide(console: Console, ready: dict[str, Any]) -> None:
    """Say what to connect to what."""
    console.print(f"\n[bold]{len(ready['meters'])} meter(s) running[/bold], {ready['clock']['now']}, "
                  f"{ready['clock']['speed']:g} x real time. Ctrl-C ends it.")  # fmt: skip
    for meter in ready["meters"]:
        table = Table(
            title=f"{meter['name']} (serial {meter['serial']}, {meter['ic']})", title_justify="left"
        )
        table.add_column("Route")
        table.add_column("Give this to your software")
        route = meter["route_b"]
        for dongle in route["dongles"]:
            table.add_row(
                f"B-route, {dongle['dialect']} dongle", f"serial port {dongle['port']}, 115200 baud"
            )
        table.add_row("", f"ID {route['id']}")
        table.add_row("", f"password {route['password']}")
        table.add_row("ECHONET Lite, UDP", f"{route['udp4']} (clients bind 0.0.0.0:3610 or 127.0.0.1:3610)")
        if "udp6" in route:
            table.add_row("", route["udp6"])
        if "route_a" in meter:
            route = meter["route_a"]
            table.add_row(
                "A-route, DLMS/COSEM", f"{route['tcp']} (TCP and UDP), system title {route['system_title']}"
            )
            table.add_row("", f"management client 1: EK {route['keys']['ek']}")
            table.add_row("", f"AK {route['keys']['ak']}")
        if "headend" in ready:
            headend = ready["headend"]
            table.add_row("Head-end", f"{headend['url']}, token {headend['token']}")
        table.add_row("Console", f"keiki device status --meter {meter['console']}")
        console.print(table)
