"""A calibration report as PDF: the same blocks on pages of A4, set by matplotlib."""

import textwrap
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from keiki_host.calibrate.figures import SIZE_IN
from keiki_host.calibrate.report import Block, Heading, Paragraph, Picture, Report, Table

_LEFT, _RIGHT, _TOP, _BOTTOM = 0.08, 0.94, 0.95, 0.06
_POINT = 1 / 72 / SIZE_IN[1]
"""One point as a share of the height of a page."""
_LEADING = 1.4
_TEXT, _TITLE, _HEAD, _CELL = 9.0, 15.0, 11.5, 7.0
_WIDTH_CHARS = 106
_FIRST_SHARE = 2.4
"""How much wider the first column of a table of numbers is than the others."""


def write_pdf(report: Report, path: Path) -> None:
    """Write the document. OSError: it cannot be written."""
    with PdfPages(path, metadata={"Title": report.title, "Creator": "keiki"}) as pdf:
        setter = _Setter(pdf)
        setter.line(report.title, _TITLE, bold=True)
        setter.line("")
        for block in report.blocks:
            setter.set(block)
        setter.end()


class _Setter:
    """Fills pages from top to bottom."""

    def __init__(self, pdf: PdfPages) -> None:
        self._pdf = pdf
        self._number = 1
        self._begin()

    def _begin(self) -> None:
        self._page = Figure(figsize=SIZE_IN)
        self._y = _TOP

    def end(self) -> None:
        """Finish the page that was begun."""
        if self._y < _TOP:
            self._page.text(_RIGHT, _BOTTOM / 2, str(self._number), fontsize=_CELL, ha="right")
            self._save(self._page)
            self._begin()

    def _save(self, figure: Figure) -> None:
        self._pdf.savefig(figure)  # type: ignore[no-untyped-call]
        self._number += 1

    def _room(self, size: float, lines: float = 1) -> float:
        """Go down by lines of that size, to a new page if need be; returns where the baseline is."""
        needed = lines * size * _LEADING * _POINT
        if self._y - needed < _BOTTOM:
            self.end()
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
            self._room(_HEAD, 5)
            self.line(block.text, _HEAD, bold=True)
            self._y -= 3 * _POINT
        else:
            self._paragraph(block)

    def _paragraph(self, block: Paragraph) -> None:
        for text in textwrap.wrap(block.text, _WIDTH_CHARS - 12 * block.strong):
            self.line(text, bold=block.strong)
        self._y -= 3 * _POINT

    def _table(self, table: Table) -> None:
        shares = [_FIRST_SHARE if table.numbers else 0.3] + [1.0] * (len(table.head) - 1)
        edges = [_LEFT]
        for share in shares:
            edges.append(edges[-1] + share / sum(shares) * (_RIGHT - _LEFT))
        if any(table.head):
            self._row(table.head, edges, numbers=table.numbers, bold=True)
        for row in table.rows:
            self._row(row, edges, numbers=table.numbers)
        self._y -= 4 * _POINT

    def _row(self, cells: tuple[str, ...], edges: list[float], *, numbers: bool, bold: bool = False) -> None:
        wrapped = (
            [textwrap.wrap(cell, 90) or [""] for cell in cells] if not numbers else [[cell] for cell in cells]
        )
        height = max(len(lines) for lines in wrapped)
        size = _CELL if numbers else _TEXT - 1
        for at in range(height):
            y = self._room(size, height - at)
            for column, lines in enumerate(wrapped):
                if at < len(lines):
                    right = numbers and column > 0
                    x = edges[column + 1] - 0.004 if right else edges[column]
                    self._page.text(x, y, lines[at], fontsize=size, ha="right" if right else "left",
                                    fontweight="bold" if bold else "normal")  # fmt: skip
        below = self._y - 0.3 * size * _POINT
        self._page.add_artist(Line2D([edges[0], edges[-1]], [below, below], color="#cccccc", linewidth=0.4))
