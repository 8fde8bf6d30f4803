"""Carrying out the property lists of one request into a buffer that is used again and again.

Document: ECHONET Lite specification part 2, 4.2.3.1 to 4.2.3.4. The buffer holds one datagram
of PAYLOAD_MAX bytes and, behind it, room for one value that turns out not to fit.
"""

from keiki.wire.compat import const
from keiki.wire.echonet import frame

_ROOM = const(256)


class Answer:
    """A datagram under construction; `start` it, write lists, then take its `bytes`."""

    def __init__(self) -> None:
        self._buf = bytearray(frame.PAYLOAD_MAX + _ROOM)
        self._window = memoryview(self._buf)
        self._at = 0

    def start(self) -> None:
        """Forget what was written."""
        self._at = frame.HEADER_LEN - 1

    def finish(self, tid: int, seoj: int, deoj: int, esv: int) -> bytes:
        """Write the header and return the datagram."""
        frame.put_header(self._buf, tid, seoj, deoj, esv)
        return bytes(self._window[: self._at])

    def names(self, props: list) -> None:
        """Write a list of properties with no values."""
        buf = self._buf
        at = self._at
        buf[at] = len(props)
        at += 1
        for epc, _ in props:
            buf[at] = epc
            buf[at + 1] = 0
            at += 2
        self._at = at

    def gets(self, table, view, controller, props: list) -> bool:
        """Write a list of properties with their values; return whether every one could be given.

        A value for which the datagram has no more room is left out like one that is not there.
        """
        buf = self._buf
        at = self._at
        ok = True
        buf[at] = len(props)
        at += 1
        room_end = frame.PAYLOAD_MAX - 2 * len(props)
        for epc, _ in props:
            room_end += 2
            buf[at] = epc
            start = at + 2
            end = table.read(view, controller, epc, buf, start)
            if end < 0 or end > room_end:
                ok = False
                end = start
            buf[at + 1] = end - start
            at = end
        self._at = at
        return ok

    def sets(self, table, view, controller, props: list) -> bool:
        """Carry out a list of sets and write their results; return whether every one was accepted.

        An accepted property has no value in the answer, a refused one is echoed. With `table`
        None all are refused.
        """
        buf = self._buf
        at = self._at
        ok = True
        buf[at] = len(props)
        at += 1
        for epc, edt in props:
            buf[at] = epc
            if table is not None and table.write(view, controller, epc, edt):
                buf[at + 1] = 0
                at += 2
                continue
            ok = False
            size = len(edt)
            buf[at + 1] = size
            at += 2
            buf[at : at + size] = edt
            at += size
        self._at = at
        return ok
