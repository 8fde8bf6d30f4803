"""A calibration report as one HTML file, its figures in it."""

import io
from html import escape

import matplotlib
from matplotlib.figure import Figure

from keiki_host.calibrate.report_blocks import Block, Heading, Paragraph, Picture, Report, Table

_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #111; }
body { max-width: 62em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 1.8em; border-bottom: 1px solid #bbb; }
table { border-collapse: collapse; margin: .8em 0; font-variant-numeric: tabular-nums; font-size: .92em; }
th, td { padding: .2em .7em; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
.numbers td, .numbers th { white-space: nowrap; padding: .2em .5em; }
.numbers td:not(:first-child), .numbers th:not(:first-child) { text-align: right; }
.strong { font-weight: 600; border-left: 4px solid #d55e00; padding-left: .8em; }
p { margin: .5em 0; max-width: 56em; } .wide { overflow-x: auto; }
footer { margin-top: 2em; border-top: 1px solid #bbb; padding-top: .5em; font-size: .85em; color: #555; }
figure { margin: 1.5em 0; } figure svg { width: 100%; height: auto; max-width: 50em; }
@media print { body { max-width: none; margin: 0; } figure { break-inside: avoid; } }
"""


def to_html(report: Report) -> str:
    """Return the whole document; it loads nothing from anywhere."""
    body = "\n".join(_block(block) for block in report.blocks)
    title = escape(report.title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}\n<footer>{escape(report.foot)}</footer></body></html>\n"
    )


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h2>{escape(block.text)}</h2>"
    if isinstance(block, Paragraph):
        kind = ' class="strong"' if block.strong else ""
        return f"<p{kind}>{escape(block.text)}</p>"
    if isinstance(block, Picture):
        return f'<figure aria-label="{escape(block.text)}">{to_svg(block.figure)}</figure>'
    return _table(block)


def _table(table: Table) -> str:
    kind = ' class="numbers"' if table.numbers else ""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in table.rows
    )
    above = f"<thead><tr>{head}</tr></thead>" if any(table.head) else ""
    return f'<div class="wide"><table{kind}>{above}<tbody>{rows}</tbody></table></div>'


def to_svg(figure: Figure) -> str:
    """Return a figure as an SVG element, the same one each time."""
    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "keiki"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
