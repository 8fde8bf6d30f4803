"""ECHONET Lite frame, format 1: bytes to objects and back.

Document: ECHONET Lite specification part 2, chapter 3. All numbers are big-endian.
Layout: EHD1 10, EHD2 81, TID(2), SEOJ(3), DEOJ(3), ESV(1), OPC(1), then OPC times
{EPC(1), PDC(1), EDT(PDC)}. SetGet frames carry a second list, OPC included, after the first.
"""

from keiki.wire.compat import const

SETI = const(0x60)
SETC = const(0x61)
GET = const(0x62)
INF_REQ = const(0x63)
SETGET = const(0x6E)
SET_RES = const(0x71)
GET_RES = const(0x72)
INF = const(0x73)
INFC = const(0x74)
INFC_RES = const(0x7A)
SETGET_RES = const(0x7E)
SETI_SNA = const(0x50)
SETC_SNA = const(0x51)
GET_SNA = const(0x52)
INF_SNA = const(0x53)
SETGET_SNA = const(0x5E)

ESVS = b"\x60\x61\x62\x63\x6e\x71\x72\x73\x74\x7a\x7e\x50\x51\x52\x53\x5e"
"""Every service code that format 1 defines."""

HEADER_LEN = const(12)
PAYLOAD_MAX = const(1232)
"""Bytes that one datagram carries over Wi-SUN (the ceiling of both module families)."""


class FrameError(Exception):
    """The peer sent something that is not an ECHONET Lite frame of format 1."""


class ServiceError(FrameError):
    """The peer sent a frame whose service code (ESV) is not defined."""


class Frame:
    """One decoded frame.

    `tid` 0..FFFF; `seoj`, `deoj` ints such as 0x05FF01; `esv` one of ESVS; `props` a list of
    (epc, edt bytes), never empty; `props_get` the second list of a SetGet service, else None.
    """

    __slots__ = ("deoj", "esv", "props", "props_get", "seoj", "tid")

    def __init__(
        self,
        tid: int,
        seoj: int,
        deoj: int,
        esv: int,
        props: "list[tuple[int, bytes]]",
        props_get: "list | None" = None,
    ) -> None:
        self.tid = tid
        self.seoj = seoj
        self.deoj = deoj
        self.esv = esv
        self.props = props
        self.props_get = props_get


def has_two_lists(esv: int) -> bool:
    """Tell whether frames of this service carry a set list and a get list."""
    return esv & 0x0F == 0x0E


def decode(data: "bytes | bytearray | memoryview") -> Frame:
    """Return the frame at the start of `data`; bytes after its last property are ignored.

    Raises ServiceError for an undefined ESV, FrameError for anything else that is malformed:
    a header that is short or not 10 81, an OPC of 0, a property that ends beyond the data.
    """
    if len(data) < HEADER_LEN + 2:
        raise FrameError("short")
    if data[0] != 0x10 or data[1] != 0x81:
        raise FrameError("header")
    esv = data[10]
    if esv not in ESVS:
        raise ServiceError("service")
    props = []
    at = _decode_list(data, 11, props)
    props_get = None
    if esv & 0x0F == 0x0E:
        props_get = []
        _decode_list(data, at, props_get)
    return Frame(
        data[2] << 8 | data[3],
        data[4] << 16 | data[5] << 8 | data[6],
        data[7] << 16 | data[8] << 8 | data[9],
        esv,
        props,
        props_get,
    )


def _decode_list(data, at: int, props: list) -> int:
    end = len(data)
    if at >= end:
        raise FrameError("no count")
    count = data[at]
    if not count:
        raise FrameError("no property")
    at += 1
    while count:
        if at + 2 > end:
            raise FrameError("property cut off")
        start = at + 2
        stop = start + data[at + 1]
        if stop > end:
            raise FrameError("value cut off")
        props.append((data[at], bytes(data[start:stop])))
        at = stop
        count -= 1
    return at


def encode(
    tid: int,
    seoj: int,
    deoj: int,
    esv: int,
    props: "list[tuple[int, bytes]]",
    props_get: "list | None" = None,
) -> bytes:
    """Return the bytes of a frame.

    `props` and, for SetGet services only, `props_get` are lists of 1..255 pairs (epc, edt of
    0..255 bytes). Raises ValueError for anything that has no such form.
    """
    if esv not in ESVS or (props_get is not None) != has_two_lists(esv):
        raise ValueError("no such service")
    if not (0 <= tid <= 0xFFFF and 0 <= seoj <= 0xFFFFFF and 0 <= deoj <= 0xFFFFFF):
        raise ValueError("out of range")
    out = bytearray(HEADER_LEN - 1)
    put_header(out, tid, seoj, deoj, esv)
    _encode_list(out, props)
    if props_get is not None:
        _encode_list(out, props_get)
    return bytes(out)


def _encode_list(out: bytearray, props: "list[tuple[int, bytes]]") -> None:
    if not 1 <= len(props) <= 255:
        raise ValueError("1 to 255 properties")
    out.append(len(props))
    for epc, edt in props:
        if not 0 <= epc <= 255 or len(edt) > 255:
            raise ValueError("no such property")
        out.append(epc)
        out.append(len(edt))
        out.extend(edt)


def put_header(buf: bytearray, tid: int, seoj: int, deoj: int, esv: int) -> None:
    """Write EHD1 to ESV into the first 11 bytes of `buf`."""
    buf[0] = 0x10
    buf[1] = 0x81
    buf[2] = tid >> 8
    buf[3] = tid & 0xFF
    buf[4] = seoj >> 16
    buf[5] = seoj >> 8 & 0xFF
    buf[6] = seoj & 0xFF
    buf[7] = deoj >> 16
    buf[8] = deoj >> 8 & 0xFF
    buf[9] = deoj & 0xFF
    buf[10] = esv
