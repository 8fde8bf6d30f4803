"""The tables of docs/b-route.md that come from code: faults, and settings of a meter.

`python -m keiki_host.bench.faults_doc docs/b-route.md` writes them anew between their marks.
"""

import re
import sys
from pathlib import Path
from typing import Any

from keiki.wire import settings as settings_table

from keiki_host.bench.faults_catalogue import CATALOGUE
from keiki_host.settings_lines import LINES

_ACTS = {
    "answer": "per use",
    "event": "once",
    "state": "while on",
    "setting": "while on",
    "start": "at the start",
}


def fault_table() -> str:
    """Return the catalogue as a Markdown table, one row for each fault."""
    rows = [
        "| case | name | played by | strikes | over UDP too | what happens | parameters |",
        "|" + "---|" * 7,
    ]
    for kind in CATALOGUE.values():
        params = "; ".join(f"{param.text} ({param.line})" for param in kind.params) or "none"
        if kind.name == "meter_setting":
            params = "any setting above that holds at once"
        udp = "no" if kind.radio_only else "yes"
        cells = (kind.spec, f"`{kind.name}`", kind.who, _ACTS[kind.act], udp, kind.line, params)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def setting_table() -> str:
    """Return the settings of a meter as a Markdown table, one row for each."""
    rows = ["| setting | values | default | holds | what it is |", "|" + "---|" * 5]
    fields: Any = settings_table.fields()
    for name, kind, default, limits, when in fields:
        holds = {settings_table.LIVE: "at once"}.get(when, "from the start")
        secret = when == settings_table.SECRET
        shown = (
            "secret"
            if secret
            else "absent"
            if default is None
            else "none"
            if default == ""
            else _shown(default)
        )
        rows.append(f"| `{name}` | {_values(kind, limits)} | {shown} | {holds} | {LINES[name]} |")
    return "\n".join(rows) + "\n"


def _shown(value: object) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _values(kind: str, limits: Any) -> str:
    absent = " or absent" if kind.endswith("?") else ""
    base = kind.rstrip("?")
    if base == "choice":
        return ", ".join(_shown(value) for value in limits) + absent
    if base == "int":
        return f"{limits[0]} to {limits[1]}{absent}"
    if base == "bool":
        return "`true`, `false`"
    if base == "date":
        return f"date{absent}"
    if base == "names":
        return f"up to {limits[1]} names"
    if base == "hex":
        return f"{limits[0]} bytes in hex{absent}"
    size = f"{limits[0]}" if limits[0] == limits[1] else f"{limits[0]} to {limits[1]}"
    return f"{size} {'hex digits' if base == 'hex-text' else 'characters'}{absent}"


TABLES = {"faults": fault_table, "settings": setting_table}


def written_anew(text: str) -> str:
    """Return a document with every table between `<!-- NAME -->` and `<!-- end NAME -->` made anew."""
    for name, table in TABLES.items():
        marks = rf"(<!-- {name} -->\n).*?(<!-- end {name} -->)"
        text = re.sub(marks, lambda match, table=table: match[1] + table() + match[2], text, flags=re.DOTALL)  # type: ignore[misc]
    return text


def main() -> None:
    """Write the tables of the documents named on the command line anew."""
    for path in map(Path, sys.argv[1:]):
        path.write_text(written_anew(path.read_text()))


if __name__ == "__main__":
    main()
