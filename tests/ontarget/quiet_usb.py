"""A correction of rp2040py 0.3.6: its USB host answers an armed endpoint with nothing, every 10 microseconds.

A real host sends nothing when it has nothing. Most of what the chip does is that interrupt otherwise, and it
is never idle, so that no idle time is skipped.
"""

from typing import Any

_SOON_NS = 20_000


class QuietUsb:
    """Holds back each read of `device` (a MicroPythonDevice) until there are bytes for it."""

    def __init__(self, device: Any) -> None:
        self._cdc, self._usb = device.cdc, device.mcu.usb_ctrl
        self._serve = self._usb.on_endpoint_read
        self._push = self._cdc.send_serial_byte
        self._reset = self._usb.on_reset
        self._size: int | None = None
        self._due = False
        self._alarm = device.mcu.clock.create_alarm(self._flush)
        self._usb.on_endpoint_read = self._asked
        self._cdc.send_serial_byte = self._send
        self._usb.on_reset = self._begin

    def _flush(self) -> None:
        self._due = False
        size = self._size
        if size is not None and self._cdc.tx_fifo.item_count:
            self._size = None
            self._serve(self._cdc._out_endpoint, size)

    def _asked(self, endpoint: int, size: int) -> None:
        if endpoint and endpoint == self._cdc._out_endpoint and not self._cdc.tx_fifo.item_count:
            self._size = size
        else:
            self._serve(endpoint, size)

    def _send(self, byte: int) -> None:
        self._push(byte)
        if self._size is not None and not self._due:
            self._due = True
            self._alarm.schedule(_SOON_NS)

    def _begin(self) -> None:
        self._size = None
        self._reset()
