"""Drives the unmodified pydlms-client 0.1.0 over TCP by commands on stdin; see lines.py."""

import datetime as dt
from typing import Any

from lines import serve
from pydlms.apdu.xdlms import date_time_value, entry_descriptor, range_descriptor
from pydlms.client import DlmsClient
from pydlms.cosem.data import decode_data
from pydlms.push import PushDecoder
from pydlms.security.context import SecurityContext
from pydlms.security.hls import Mechanism

PUBLIC = 16
COUNTER = "0.0.43.1.0.255"
PROFILE = 7


def plain(value: Any) -> Any:
    """A value as lines.py can write it."""
    return value.to_python() if hasattr(value, "to_python") else value


class Program:
    """One client at a time."""

    def __init__(self) -> None:
        self.client: Any = None

    def op_counter(self, host: str, port: int) -> int:
        """The last invocation counter that the meter has taken, as the public client reads it."""
        with DlmsClient.tcp(host, port, client_sap=PUBLIC) as client:
            return int(client.get(COUNTER).value)

    def op_public(self, host: str, port: int) -> list[Any]:
        """The object list of the public client."""
        with DlmsClient.tcp(host, port, client_sap=PUBLIC) as client:
            return self._objects(client)

    def op_open(
        self,
        host: str,
        port: int,
        sap: int,
        ek: str,
        ak: str,
        counter: int | None = None,
        kek: str | None = None,
        title: str = "544553540000000B",
        hdlc: bool = False,
    ) -> None:
        """Associate under HLS5; without a counter the package asks the public client for one itself."""
        security = SecurityContext(
            encryption_key=bytes.fromhex(ek),
            authentication_key=bytes.fromhex(ak),
            client_system_title=bytes.fromhex(title),
            invocation_counter=counter or 0,
            master_key=None if kek is None else bytes.fromhex(kek),
        )
        self.client = DlmsClient.tcp(
            host,
            port,
            client_sap=sap,
            mechanism=Mechanism.HLS_GMAC,
            security=security,
            discover_invocation_counter=counter is None,
            timeout=60,
            hdlc=hdlc,
        )
        self.client.connect()

    def op_objects(self) -> list[Any]:
        """The object list: class, version, logical name."""
        return self._objects(self.client)

    def _objects(self, client: Any) -> list[Any]:
        found = client.get_association_view()
        return [[item.class_id, item.version, str(item.logical_name)] for item in found]

    def op_get(self, class_id: int, name: str, number: int = 2) -> Any:
        """One attribute."""
        return plain(self.client.get(name, class_id, number))

    def op_get_many(self, wanted: list[tuple[int, str, int]]) -> list[Any]:
        """Several attributes with one request."""
        found = self.client.get_many([(name, class_id, number) for class_id, name, number in wanted])
        return [plain(value) for value in found]

    def op_range(self, name: str, first: str, last: str) -> list[Any]:
        """Rows of a profile between two times, both included."""
        times = [date_time_value(dt.datetime.fromisoformat(when)) for when in (first, last)]
        return self._rows(name, range_descriptor(*times))

    def op_entry(self, name: str, first: int, last: int) -> list[Any]:
        """Rows of a profile by number, from 1 on, both included."""
        return self._rows(name, entry_descriptor(first, last))

    def _rows(self, name: str, chosen: Any) -> list[Any]:
        buffer = self.client.read_profile(name, chosen, fill_timestamps=True)
        return [[self._cell(cell) for cell in row] for row in buffer.rows]

    @staticmethod
    def _cell(cell: Any) -> Any:
        return cell.to_datetime() if hasattr(cell, "to_datetime") else plain(cell)

    def op_set(self, class_id: int, name: str, number: int, data: str) -> str:
        """Write one attribute, its value as A-XDR in hex; the result's name."""
        self.client.set(name, class_id, number, decode_data(bytes.fromhex(data))[0])
        return "SUCCESS"

    def op_action(self, class_id: int, name: str, method: int, data: str) -> Any:
        """Invoke a method, its parameter as A-XDR in hex."""
        returned = self.client.action(name, class_id, method, decode_data(bytes.fromhex(data))[0])
        return plain(returned)

    def op_transfer_keys(self, keys: dict[str, str]) -> None:
        """Give the meter other keys: {key id: key in hex}."""
        self.client.transfer_keys({int(number): bytes.fromhex(key) for number, key in keys.items()})

    def op_close(self, release: bool = True) -> int:
        """Release the association and hang up; the counter that would be used next."""
        counter = self.client.association.security.invocation_counter
        if release:
            self.client.close()
        else:
            self.client.link.disconnect()
        return int(counter)

    def op_push(self, apdu: str, ek: str, ak: str, title: str) -> Any:
        """What a protected data-notification says."""
        security = SecurityContext(
            encryption_key=bytes.fromhex(ek),
            authentication_key=bytes.fromhex(ak),
            server_system_title=bytes.fromhex(title),
        )
        message = PushDecoder(framing="raw", security=security).decode_apdu(bytes.fromhex(apdu))
        assert message is not None and message.authenticated and message.complete
        return {
            "confirmed": bool(message.notification.long_invoke_id & 0x40000000),
            "counter": message.invocation_counter,
            "body": plain(message.notification.body),
        }


serve(Program())
