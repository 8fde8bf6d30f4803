"""A calibration report as PDF: the same blocks on pages of A4, set by matplotlib."""

import textwrap
from itertools import pairwise
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from keiki_host.calibrate.figures import SIZE_IN
from keiki_host.calibrate.report_blocks import Block, Heading, Paragraph, Picture, Report, Table

_LEFT, _RIGHT, _TOP, _BOTTOM = 0.08, 0.94, 0.95, 0.06
_POINT = 1 / 72 / SIZE_IN[1]
"""One point as a share of the height of a page."""
_LEADING = 1.4
_TEXT, _TITLE, _HEAD, _CELL = 9.0, 15.0, 11.5, 7.0
_WIDTH_CHARS = 106
_CHAR = 0.6 / 72 / SIZE_IN[0]
"""Width of a character of one point, on average and generously, as a share of the width of a page."""
_BOLD = 1.1
"""How much wider bold ones are."""
_GAP = 0.006
_SHARES = {True: 2.4, False: 0.3}
"""The first column's width to that of the others, in tables of numbers and of text."""


def write_pdf(report: Report, path: Path) -> None:
    """Write the document. OSError: it cannot be written."""
    with PdfPages(path, metadata={"Title": report.title, "Creator": "keiki"}) as pdf:
        setter = _Setter(pdf, report.foot)
        setter.line(report.title, _TITLE, bold=True)
        setter.line("")
        for block in report.blocks:
            setter.set(block)
        setter.end()


class _Setter:
    """Fills pages from top to bottom."""

    def __init__(self, pdf: PdfPages, foot: str) -> None:
        self._pdf = pdf
        self._foot = foot
        self._number = 1
        self._begin()

    def _begin(self) -> None:
        self._page = Figure(figsize=SIZE_IN)
        self._y = _TOP

    def end(self) -> None:
        """Finish the page that was begun."""
        if self._y < _TOP:
            self._save(self._page)
            self._begin()

    def _save(self, figure: Figure) -> None:
        marks = (
            figure.text(_LEFT, _BOTTOM / 2, self._foot, fontsize=_CELL, color="#555555"),
            figure.text(_RIGHT, _BOTTOM / 2, str(self._number), fontsize=_CELL, ha="right"),
        )
        self._pdf.savefig(figure)  # type: ignore[no-untyped-call]
        for mark in marks:
            mark.remove()
        self._number += 1

    def _fits(self, size: float, lines: float) -> bool:
        return self._y - lines * size * _LEADING * _POINT >= _BOTTOM

    def _keep(self, size: float, lines: float) -> None:
        """Begin a new page if so many lines do not fit on this one."""
        if not self._fits(size, lines):
            self.end()

    def _room(self, size: float) -> float:
        """Go down by a line of that size, to a new page if need be; returns where the baseline is."""
        self._keep(size, 1)
        self._y -= size * _LEADING * _POINT
        return self._y

    def line(self, text: str, size: float = _TEXT, *, bold: bool = False) -> None:
        """One line."""
        self._page.text(_LEFT, self._room(size), text, fontsize=size, fontweight="bold" if bold else "normal")

    def set(self, block: Block) -> None:
        """Set one block."""
        if isinstance(block, Picture):
            self.end()
            self._save(block.figure)
        elif isinstance(block, Table):
            self._table(block)
        elif isinstance(block, Heading):
            # not alone at the foot of a page
            self._keep(_HEAD, 6)
            self._y -= _HEAD * _POINT
            self.line(block.text, _HEAD, bold=True)
            self._y -= 3 * _POINT
        else:
            self._paragraph(block)

    def _paragraph(self, block: Paragraph) -> None:
        for text in textwrap.wrap(block.text, _WIDTH_CHARS - 12 * block.strong):
            self.line(text, bold=block.strong)
        self._y -= 3 * _POINT

    def _table(self, table: Table) -> None:
        columns = len(table.head)
        shares = table.shares or (_SHARES[table.numbers], *[1.0] * (columns - 1))
        edges = [_LEFT]
        for share in shares:
            edges.append(edges[-1] + share / sum(shares) * (_RIGHT - _LEFT))
        size = _CELL if table.numbers or columns > 2 else _TEXT - 1
        head = _wrapped(table.head, edges, size * _BOLD) if any(table.head) else None
        for row in table.rows:
            lines = _wrapped(row, edges, size)
            height = max(len(cell) for cell in lines)
            if head is not None and (row is table.rows[0] or not self._fits(size, height)):
                # a table that goes on says again what its columns are
                self._keep(size, height + max(len(cell) for cell in head))
                self._row(head, edges, size, numbers=table.numbers, bold=True)
            self._row(lines, edges, size, numbers=table.numbers)
        self._y -= 4 * _POINT

    def _row(
        self, cells: list[list[str]], edges: list[float], size: float, *, numbers: bool, bold: bool = False
    ) -> None:
        height = max(len(lines) for lines in cells)
        self._keep(size, height)
        for at in range(height):
            y = self._room(size)
            for column, lines in enumerate(cells):
                if at < len(lines):
                    right = numbers and column > 0
                    x = edges[column + 1] - _GAP if right else edges[column]
                    self._page.text(x, y, lines[at], fontsize=size, ha="right" if right else "left",
                                    fontweight="bold" if bold else "normal")  # fmt: skip
        below = self._y - 0.3 * size * _POINT
        self._page.add_artist(Line2D([edges[0], edges[-1]], [below, below], color="#cccccc", linewidth=0.4))


def _wrapped(cells: tuple[str, ...], edges: list[float], size: float) -> list[list[str]]:
    """Return the lines of each cell, within its column."""
    widths = [max(1, int((right - left - _GAP) / (_CHAR * size))) for left, right in pairwise(edges)]
    return [
        textwrap.wrap(cell, width, break_long_words=False) or [""]
        for cell, width in zip(cells, widths, strict=True)
    ]
