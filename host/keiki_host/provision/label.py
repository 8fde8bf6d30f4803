"""A meter's label: 70 x 40 mm, as PDF, with a QR code that a phone or a head-end's scanner reads.

The code is `keiki:SERIAL;TITLE;RATING` and, on a label that goes straight to a printer, `;ID;PASSWORD`.
"""

from collections.abc import Mapping
from typing import Any, BinaryIO

from keiki_host.provision.errors import ProvisionError

_MM = 1 / 25.4
_WIDTH_MM, _HEIGHT_MM, _MARGIN_MM, _QR_MM = 70.0, 40.0, 4.0, 25.0


def code(settings: Mapping[str, Any], title: str, *, secrets: bool) -> str:
    """Return what the QR code says."""
    parts = [settings["serial"], title, str(settings["rating_a"])]
    if secrets:
        parts += [settings["route_b_id"], settings["route_b_password"]]
    return "keiki:" + ";".join(parts)


def lines(settings: Mapping[str, Any], title: str, *, secrets: bool) -> list[str]:
    """Return what stands beside it."""
    told = [
        settings["serial"],
        f"Title {title}",
        f"{settings['rating_a']} A, made {settings['production']}",
        "Not for billing",
    ]
    if secrets:
        route_b_id = settings["route_b_id"]
        told += ["B-route ID", route_b_id[:16], route_b_id[16:], f"Password {settings['route_b_password']}"]
    return told


def write_pdf(settings: Mapping[str, Any], title: str, file: BinaryIO, *, secrets: bool) -> None:
    """Write the label. OSError: it cannot be written; ProvisionError: a library is missing."""
    try:
        import segno  # noqa: PLC0415 - an extra
        from matplotlib.backends.backend_pdf import FigureCanvasPdf  # noqa: PLC0415 - an extra
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ProvisionError(f"{error.name} is not installed: pip install 'keiki-meter[provision]'") from None
    page = Figure(figsize=(_WIDTH_MM * _MM, _HEIGHT_MM * _MM))
    matrix = segno.make(code(settings, title, secrets=secrets), error="m", micro=False).matrix
    square = page.add_axes(
        (
            _MARGIN_MM / _WIDTH_MM,
            (_HEIGHT_MM - _QR_MM) / 2 / _HEIGHT_MM,
            _QR_MM / _WIDTH_MM,
            _QR_MM / _HEIGHT_MM,
        )
    )
    square.imshow(
        [[1 - dot for dot in row] for row in matrix], cmap="gray", vmin=0, vmax=1, interpolation="none"
    )
    square.set_axis_off()
    left = (2 * _MARGIN_MM + _QR_MM) / _WIDTH_MM
    told = lines(settings, title, secrets=secrets)
    for number, line in enumerate(told):
        top = 1 - (number + 1) / (len(told) + 1)
        page.text(
            left,
            top,
            line,
            fontsize=9 if number == 0 else 6,
            va="center",
            family="monospace",
            weight="bold" if number == 0 else "normal",
        )
    FigureCanvasPdf(page)
    page.savefig(file, format="pdf", metadata={"Title": settings["serial"], "Creator": "keiki"})
