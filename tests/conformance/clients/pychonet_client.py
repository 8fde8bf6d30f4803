"""Drives the unmodified pychonet over UDP by commands on stdin; see lines.py."""

import asyncio
import sys
import time
from typing import Any

import pychonet
from lines import serve_async
from pychonet.lib.udpserver import UDPServer

METER = (0x02, 0x88, 0x01)
MAPS = {"inf": 0x9D, "set": 0x9E, "get": 0x9F}


class Program:
    """One server and API client, and the meter object of each host."""

    def __init__(self) -> None:
        self.server: Any = None
        self.api: Any = None
        self.heard: list[str] = []
        self.pushes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def op_open(self, local_ip: str = "127.0.0.1", bind: str = "0.0.0.0", timeout_s: float = 20) -> None:
        """Bind UDP 3610 and listen to the multicast group on `local_ip`'s interface."""
        self.server = UDPServer(local_ip=local_ip)
        self.server.run(bind, 3610, asyncio.get_running_loop())
        self.api = pychonet.ECHONETAPIClient(self.server)
        self.api.configure(
            message_timeout=round(timeout_s * 10), logger=self._log, discover_callback=self._on_host
        )

    def _log(self, *text: Any) -> None:
        print(*text, file=sys.stderr)

    async def _on_host(self, host: str) -> None:
        self.heard.append(host)

    async def op_discover(self, host: str | None = None) -> dict[str, Any]:
        """Ask one host, or everybody by multicast (20 s: it waits for itself). Returns what is known."""
        if host is None:
            found = await self.api.discover()
        else:
            found = await self.api.discover(host)
        return {"found": found, "heard": sorted(set(self.heard)), "hosts": self._hosts()}

    def _hosts(self) -> dict[str, Any]:
        hosts: dict[str, Any] = {}
        for host, state in self.api.state.items():
            instances = [
                f"{group:02X}{code:02X}{number:02X}"
                for group, codes in state["instances"].items()
                for code, numbers in codes.items()
                for number in numbers
            ]
            names = ("uid", "manufacturer", "product_code", "discovered", "available")
            hosts[host] = {name: state.get(name) for name in names} | {"instances": instances}
        return hosts

    def _meter(self, host: str) -> Any:
        return pychonet.Factory(host, self.api, *METER)

    async def op_maps(self, host: str) -> dict[str, list[str]]:
        """The meter object's property maps, as codes."""
        if not await self.api.getAllPropertyMaps(host, *METER):
            raise TimeoutError("no property maps")
        known = self.api.state[host]["instances"][METER[0]][METER[1]][METER[2]]
        return {name: [f"{epc:02X}" for epc in sorted(known[code])] for name, code in MAPS.items()}

    async def op_update(self, host: str, epcs: list[str]) -> dict[str, Any]:
        """Read properties by code, decoded where the package has a decoder, in its own batches."""
        codes = [int(epc, 16) for epc in epcs]
        values = await self._meter(host).update(codes)
        return {f"{codes[0]:02X}": values} if len(codes) == 1 else values

    async def op_get(self, host: str, epc: str) -> Any:
        """Read one property, as hex; None if it was refused or not answered."""
        return await self._meter(host).getMessage(int(epc, 16))

    async def op_set(self, host: str, epc: str, edt: str) -> bool:
        """SetC of one property from hex; True if the meter took it."""
        return bool(await self._meter(host).setMessage(int(epc, 16), int(edt, 16), len(edt) // 2))

    async def op_set_many(self, host: str, values: dict[str, str]) -> bool:
        """SetC of several properties in one frame."""
        opc = [
            {"EPC": int(epc, 16), "PDC": len(edt) // 2, "EDT": int(edt, 16)} for epc, edt in values.items()
        ]
        return bool(await self._meter(host).setMessages(opc))

    def op_listen(self, host: str) -> None:
        """Keep the meter's announcements from now on: EA, EB and 80 as known after each."""
        known = self.api.state[host]["instances"][METER[0]][METER[1]][METER[2]]

        async def received(is_push: bool = False) -> None:
            if is_push:
                self.pushes.put_nowait(
                    {epc: bytes(known[int(epc, 16)]) for epc in ("EA", "EB", "80") if int(epc, 16) in known}
                )

        self.api.register_async_receive_callbacks(host, *METER, received)

    async def op_notifications(self, seconds: float, count: int) -> list[Any]:
        """Announcements that came since `listen` and were not taken yet: `count`, or those of so long."""
        found: list[Any] = []
        end = time.monotonic() + seconds
        while len(found) < count:
            try:
                found.append(await asyncio.wait_for(self.pushes.get(), end - time.monotonic()))
            except TimeoutError:
                break
        return found

    def op_close(self) -> None:
        """Stop and free the port."""
        self.server.close()


async def main() -> None:
    """Serve until the input ends."""
    await serve_async(Program())


asyncio.run(main())
