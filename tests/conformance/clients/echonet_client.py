"""A small ECHONET Lite controller over UDP and IPv6, of the tests' own, driven as lines.py says."""

import asyncio
import socket
import struct
from typing import Any

from lines import serve_async

PORT = 3610
GROUP = "ff02::1"


class Program:
    """One socket on port 3610, member of ff02::1 on one interface; sees every datagram that arrives."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.scope = 0
        self.tid = 0

    def op_open(self, interface: str, bind: str = "::") -> None:
        """Bind, and join the group on `interface`."""
        self.scope = socket.if_nametoindex(interface)
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        member = socket.inet_pton(socket.AF_INET6, GROUP) + struct.pack("@I", self.scope)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self.scope)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        self.socket.bind((bind, PORT))
        self.socket.setblocking(False)

    async def op_get(self, host: str, epcs: list[str], deoj: str = "028801", seconds: float = 20) -> Any:
        """Get from one host, or from everybody (ff02::1): the first answer, its sender and sender's port."""
        assert self.socket is not None
        self.tid += 1
        frame = (
            struct.pack(">HH", 0x1081, self.tid) + bytes.fromhex("05FF01" + deoj) + bytes((0x62, len(epcs)))
        )
        frame += b"".join(bytes((int(epc, 16), 0)) for epc in epcs)
        scope = self.scope if host.startswith(("fe80:", "ff02:")) else 0
        self.socket.sendto(frame, (host, PORT, 0, scope))
        while True:
            found = await self.op_receive(seconds)
            if found["tid"] == self.tid and found["deoj"] == "05FF01":
                return found

    async def op_receive(self, seconds: float = 20) -> dict[str, Any]:
        """The next datagram, taken to pieces."""
        assert self.socket is not None
        loop = asyncio.get_running_loop()
        data, sender = await asyncio.wait_for(loop.sock_recvfrom(self.socket, 2048), seconds)
        props, at = {}, 12
        for _ in range(data[11]):
            props[f"{data[at]:02X}"] = data[at + 2 : at + 2 + data[at + 1]]
            at += 2 + data[at + 1]
        assert data[:2] == b"\x10\x81" and at == len(data)
        return {
            "from": sender[0].partition("%")[0],
            "port": sender[1],
            "tid": data[2] << 8 | data[3],
            "seoj": data[4:7].hex().upper(),
            "deoj": data[7:10].hex().upper(),
            "esv": data[10],
            "props": props,
        }

    def op_close(self) -> None:
        """Free the port."""
        assert self.socket is not None
        self.socket.close()


async def main() -> None:
    """Serve until the input ends."""
    await serve_async(Program())


asyncio.run(main())
