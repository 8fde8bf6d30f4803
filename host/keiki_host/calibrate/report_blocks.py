"""What a report is made of: headings, sentences, tables and figures, the same for HTML and PDF."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Heading:
    """Begins a part."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """A sentence or some; a `strong` one must not be missed."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head. The first column is text, and so are the others unless `numbers`.

    `shares`: the widths of the columns to each other, () for what suits most.
    """

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: bool = True
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A figure, and what it shows in words."""

    figure: Figure
    text: str


Block = Heading | Paragraph | Table | Picture


@dataclass(frozen=True)
class Report:
    """A title, what stands at the foot of every page, and what comes between."""

    title: str
    foot: str
    blocks: list[Block]


def signed(value: float) -> str:
    """Return a number with its sign and three decimals; zero is +0.000."""
    return f"{round(value, 3) + 0.0:+.3f}"
