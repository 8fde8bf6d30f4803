"""Runs the unmodified meter simulator of pydlms-client 0.1.0 by commands on stdin; see lines.py."""

import datetime as dt
import logging
import resource
from typing import Any

from lines import serve
from pydlms.cosem.data import DlmsData
from pydlms.cosem.interface_classes import ClassId
from pydlms.cosem.time import CosemDateTime
from pydlms.obis import ObisCode
from pydlms.security.hls import Mechanism
from pydlms.simulator import ClientProfile, MeterSimulator, example_meter
from pydlms.simulator import serve as serve_meter

logging.disable(logging.INFO)
MANAGEMENT = 1
PROFILE = "1.0.99.1.0.255"
PERIOD_S = 1800
COLUMNS = ((8, "0.0.1.0.0.255"), (1, "0.0.96.10.1.255"), (3, "1.0.1.8.0.255"), (3, "1.0.2.8.0.255"))


def row(number: int, start: dt.datetime) -> DlmsData:
    """One half hour: clock, status, import, export."""
    when = CosemDateTime.from_datetime(start + number * dt.timedelta(seconds=PERIOD_S))
    cells = [DlmsData.octet_string(when.to_bytes()), DlmsData.uint8(0)]
    return DlmsData.structure([*cells, DlmsData.uint32(1000 + 7 * number), DlmsData.uint32(number)])


def column(class_id: int, name: str) -> DlmsData:
    """One capture object."""
    obis = DlmsData.octet_string(ObisCode.parse(name).to_bytes())
    return DlmsData.structure([DlmsData.uint16(class_id), obis, DlmsData.int8(2), DlmsData.uint16(0)])


class Program:
    """One meter."""

    def __init__(self) -> None:
        self.meter: MeterSimulator | None = None

    def op_start(self, ek: str, ak: str, rows: int, start: str, hdlc: bool = False) -> int:
        """Serve management (SAP 1, HLS5) and public; the port. The profile has `rows` half hours."""
        self.meter = meter = example_meter(
            encryption_key=bytes.fromhex(ek), authentication_key=bytes.fromhex(ak)
        )
        meter.security.set_invocation_counter(1)  # dlms-cosem does not take a first one of 0
        meter.clients[MANAGEMENT] = ClientProfile(Mechanism.HLS_GMAC, ciphered=True)
        first = dt.datetime.fromisoformat(start)
        attributes = {
            2: DlmsData.array([row(number, first) for number in range(rows)]),
            3: DlmsData.array([column(*one) for one in COLUMNS]),
            4: DlmsData.uint32(PERIOD_S),
            5: DlmsData.enum(1),
            7: DlmsData.uint32(rows),
        }
        meter.add_object(ClassId.PROFILE_GENERIC, PROFILE, attributes, version=1)
        return int(serve_meter(meter, hdlc=hdlc).server_address[1])

    def op_value(self, class_id: int, name: str, number: int) -> Any:
        """What an attribute is now."""
        assert self.meter is not None
        return self.meter.objects[(class_id, ObisCode.parse(name))][number].to_python()

    def op_resources(self) -> dict[str, float]:
        """Memory in kB and CPU time in seconds of this program so far."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        with open("/proc/self/status", encoding="ascii") as file:
            now = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        return {"rss_kb": now, "cpu_s": used.ru_utime + used.ru_stime}


serve(Program())
