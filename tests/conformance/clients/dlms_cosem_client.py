"""Drives the unmodified dlms-cosem 21.3.2 over TCP by commands on stdin; see lines.py."""

import datetime as dt
import logging
import time
from typing import Any

from dlms_cosem import cosem, enumerations, utils
from dlms_cosem.clients.dlms_client import DlmsClient
from dlms_cosem.connection import DlmsConnection
from dlms_cosem.cosem.attribute_with_selection import CosemAttributeWithSelection
from dlms_cosem.cosem.capture_object import CaptureObject
from dlms_cosem.cosem.selective_access import RangeDescriptor
from dlms_cosem.parsers import AssociationObjectListParser, ProfileGenericBufferParser
from dlms_cosem.protocol import xdlms
from dlms_cosem.protocol.xdlms.conformance import Conformance
from lines import serve

logging.disable()  # it logs every APDU in plain as a warning
PUBLIC = 16
COUNTER = (1, "0.0.43.1.0.255", 2)
CLOCK = (8, "0.0.1.0.0.255", 2)
ASSOCIATION = (15, "0.0.40.0.0.255", 2)
IMPORT = (3, "1.0.1.8.0.255", 2)
PROFILE = (7, "1.0.99.1.0.255", 2)


class Bytes:
    """A selection given as bytes: this release cannot encode an entry descriptor."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def to_bytes(self) -> bytes:
        """As the package calls it."""
        return self._data


def attribute(class_id: int, name: str, number: int) -> cosem.CosemAttribute:
    """An attribute by class, logical name and number."""
    return cosem.CosemAttribute(enumerations.CosemInterface(class_id), cosem.Obis.from_string(name), number)


def entries(first: int, last: int) -> bytes:
    """An entry descriptor of all columns."""
    numbers = b"".join(b"\x06" + number.to_bytes(4, "big") for number in (first, last))
    return b"\x02\x02\x04" + numbers + b"\x12\x00\x01\x12\x00\x00"


class Program:
    """One client at a time."""

    def __init__(self) -> None:
        self.client: Any = None
        self.profiles: dict[str, ProfileGenericBufferParser] = {}

    def op_counter(self, host: str, port: int) -> int:
        """The last invocation counter that the meter has taken, as the public client reads it."""
        client = DlmsClient.with_tcp_transport(host, port, PUBLIC, 1)
        with client.session():
            return int(utils.parse_as_dlms_data(client.get(attribute(*COUNTER))))

    def op_public(self, host: str, port: int) -> list[Any]:
        """The object list of the public client."""
        client = DlmsClient.with_tcp_transport(host, port, PUBLIC, 1)
        with client.session():
            return self._objects(client)

    def op_open(
        self, host: str, port: int, sap: int, ek: str, ak: str, counter: int, title: str = "544553540000000A"
    ) -> None:
        """Associate under HLS5; `counter` is the first to be used."""
        self.client = DlmsClient.with_tcp_transport(
            host,
            port,
            sap,
            1,
            authentication_method=enumerations.AuthenticationMechanism.HLS_GMAC,
            encryption_key=bytes.fromhex(ek),
            authentication_key=bytes.fromhex(ak),
            client_system_title=bytes.fromhex(title),
            client_initial_invocation_counter=counter,
            timeout=60,
        )
        self.client.connect()
        self.client.associate()

    def op_objects(self) -> list[Any]:
        """The object list: class, version, logical name."""
        return self._objects(self.client)

    def _objects(self, client: Any) -> list[Any]:
        found = AssociationObjectListParser.parse_bytes(client.get(attribute(*ASSOCIATION)))
        return [[item.interface, item.version, item.logical_name.to_string(".")] for item in found]

    def op_get(self, class_id: int, name: str, number: int = 2) -> Any:
        """One attribute."""
        return utils.parse_as_dlms_data(self.client.get(attribute(class_id, name, number)))

    def op_get_many(self, wanted: list[tuple[int, str, int]]) -> list[Any]:
        """Several attributes with one request."""
        response = self.client.get_many(
            [CosemAttributeWithSelection(attribute(*one), None) for one in wanted]
        )
        return [item.value if hasattr(item, "value") else item for item in response.response_data]

    def op_range(self, name: str, first: str, last: str) -> list[Any]:
        """Rows of a profile between two times, both included."""
        clock = CaptureObject(attribute(*CLOCK), 0)
        chosen = RangeDescriptor(clock, dt.datetime.fromisoformat(first), dt.datetime.fromisoformat(last))
        return self._rows(name, chosen)

    def op_entry(self, name: str, first: int, last: int) -> list[Any]:
        """Rows of a profile by number, from 1 on, both included."""
        return self._rows(name, Bytes(entries(first, last)))

    def _rows(self, name: str, chosen: Any) -> list[Any]:
        if name not in self.profiles:
            columns = self.op_get(7, name, 3)
            period_s = self.op_get(7, name, 4)
            capture = [attribute(column[0], cosem.Obis.from_bytes(column[1]).to_string("."), column[2])
                       for column in columns]  # fmt: skip
            self.profiles[name] = ProfileGenericBufferParser(capture, period_s // 60)
        data = self.client.get(attribute(7, name, 2), chosen)
        return [[cell.value for cell in row] for row in self.profiles[name].parse_bytes(data)]

    def op_set(self, class_id: int, name: str, number: int, data: str) -> str:
        """Write one attribute, its value as A-XDR in hex; the result's name."""
        response = self.client.set(attribute(class_id, name, number), bytes.fromhex(data))
        return str(response.result.name)

    def op_action(self, class_id: int, name: str, method: int, data: str) -> Any:
        """Invoke a method, its parameter as A-XDR in hex."""
        where = cosem.CosemMethod(enumerations.CosemInterface(class_id), cosem.Obis.from_string(name), method)
        return self.client.action(where, bytes.fromhex(data))

    def op_close(self, release: bool = True) -> int:
        """Release the association, or just hang up; the counter that would be used next."""
        if release:
            self.client.release_association()
        self.client.disconnect()
        return int(self.client.client_invocation_counter)

    def op_measure(
        self,
        host: str,
        port: int,
        sap: int,
        ek: str,
        ak: str,
        counter: int,
        day: tuple[str, str],
        days: tuple[str, str],
        times: dict[str, int],
    ) -> dict[str, Any]:
        """How long things take, in ms each: `times` says how often each is done, one after the other.

        Lists for a session (connect, associate, release), a register, and the rows of a day and of many.
        """
        found: dict[str, Any] = {}

        def session() -> None:
            nonlocal counter
            self.op_open(host, port, sap, ek, ak, counter)
            counter = self.op_close()

        def rows(first: str, last: str) -> bytes:
            clock = CaptureObject(attribute(*CLOCK), 0)
            chosen = RangeDescriptor(clock, dt.datetime.fromisoformat(first), dt.datetime.fromisoformat(last))
            return bytes(self.client.get(attribute(*PROFILE), chosen))

        def measure(name: str, operation: Any) -> None:
            taken = found[name] = []
            for _ in range(times[name]):
                start = time.perf_counter()
                found[name + "_bytes"] = len(operation() or b"")
                taken.append(1000 * (time.perf_counter() - start))

        measure("session", session)
        self.op_open(host, port, sap, ek, ak, counter)
        measure("register", lambda: self.client.get(attribute(*IMPORT)))
        measure("day", lambda: rows(*day))
        measure("days", lambda: rows(*days))
        found["counter"] = self.op_close()
        return found

    def op_push(self, apdu: str, ek: str, ak: str, title: str) -> Any:
        """What a protected data-notification says."""
        connection = DlmsConnection.with_pre_established_association(
            conformance=Conformance(),
            global_encryption_key=bytes.fromhex(ek),
            global_authentication_key=bytes.fromhex(ak),
            client_invocation_counter=0,
            meter_invocation_counter=0,
            client_system_title=b"TEST\0\0\0\x0a",
            meter_system_title=bytes.fromhex(title),
        )
        connection.receive_data(bytes.fromhex(apdu))
        notification = connection.next_event()
        assert isinstance(notification, xdlms.DataNotification)
        return {
            "confirmed": notification.long_invoke_id_and_priority.confirmed,
            "counter": connection.meter_invocation_counter,
            "body": utils.parse_as_dlms_data(notification.body),
        }

    def op_push_rate(self, apdus: list[str], ek: str, ak: str, title: str) -> dict[str, Any]:
        """The CPU time of opening and decoding protected data-notifications, and a value of the last one."""
        connection = DlmsConnection.with_pre_established_association(
            conformance=Conformance(),
            global_encryption_key=bytes.fromhex(ek),
            global_authentication_key=bytes.fromhex(ak),
            client_invocation_counter=0,
            meter_invocation_counter=0,
            client_system_title=b"TEST\0\0\0\x0a",
            meter_system_title=bytes.fromhex(title),
        )
        raw, body = [bytes.fromhex(apdu) for apdu in apdus], []
        start_s = time.process_time()
        for apdu in raw:
            connection.receive_data(apdu)
            body = utils.parse_as_dlms_data(connection.next_event().body)
        return {"cpu_s": time.process_time() - start_s, "last": body[3]}


serve(Program())
