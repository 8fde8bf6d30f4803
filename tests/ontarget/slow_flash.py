"""The flash of an emulated board as one that takes its time, and is left half done by a power cut.

Times: those that are typical of a W25Q16JV (its datasheet, AC characteristics). Interrupts wait meanwhile, as
on the chip: what comes in on a line has the 32 bytes of its FIFO.
"""

from typing import Any

from rp2040py.peripherals.ssi import CMD_PAGE_PROGRAM, CMD_SECTOR_ERASE

from tests.ontarget.emulated import EmulatedBoard

ERASE_NS = 45_000_000
PROGRAM_NS = 400_000


class SlowFlash:
    """Put over the flash of `board`. `counts`: erases and programs so far.

    `cut_in` operations from now, in the middle of the last of them, `on_cut` is called and what is not done
    by then is not done at all (None: never).
    """

    def __init__(self, board: EmulatedBoard) -> None:
        self._board = board
        self._ssi: Any = board.mcu.ssi
        self._apply = self._ssi._apply_command
        self._ssi._apply_command = self._command
        self.counts = {"erases": 0, "programs": 0}
        self.cut_in: int | None = None
        self.on_cut = board.wake

    def _command(self) -> None:
        ssi = self._ssi
        sent = bytes(ssi._tx_buffer)
        kind = {CMD_SECTOR_ERASE: "erases", CMD_PAGE_PROGRAM: "programs"}.get(sent[0]) if sent else None
        if kind is None or not ssi._write_enabled:
            self._apply()
            return
        self.counts[kind] += 1
        half_ns = (ERASE_NS if kind == "erases" else PROGRAM_NS) / 2
        self._board.mcu.clock.tick(half_ns)
        if self.cut_in is not None:
            self.cut_in -= 1
            if self.cut_in < 0:
                self.cut_in = None
                self._half(kind, sent)
                self.on_cut()
                return
        self._board.mcu.clock.tick(half_ns)
        self._apply()

    def _half(self, kind: str, sent: bytes) -> None:
        """Erase or program the first half only."""
        flash, at = self._board.mcu.flash, int.from_bytes(sent[1:4], "big")
        if kind == "erases":
            at &= ~0xFFF
            flash[at : at + 2048] = b"\xff" * 2048
        else:
            for i, byte in enumerate(sent[4 : 4 + (len(sent) - 4) // 2]):
                flash[at + i] &= byte
        self._ssi._tx_buffer = bytearray()
        self._ssi._write_enabled = False
