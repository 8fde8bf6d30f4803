"""The figures that the tests of this folder measure, as one table beside what was aimed at."""

ROWS: list[tuple[str, str, str]] = []


def tell(
    name: str, value: float, unit: str, *, most: float | None = None, least: float | None = None
) -> bool:
    """Keep a figure for the table; returns whether it is what was aimed at (there may be no aim)."""
    reached = (most is None or value <= most) and (least is None or value >= least)
    aim = f"<= {most:g}" if most is not None else f">= {least:g}" if least is not None else ""
    ROWS.append(
        (
            name,
            f"{value:,.1f} {unit}" if isinstance(value, float) else f"{value:,} {unit}",
            aim and f"{aim} {unit}: {'reached' if reached else 'MISSED'}",
        )
    )
    return reached


def table() -> list[str]:
    """The lines of the table."""
    rows = [("", "measured", "aim"), *ROWS]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
