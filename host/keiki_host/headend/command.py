"""`keiki headend`: the database, its state, and what goes out of it."""

import time
from pathlib import Path
from typing import Annotated

import typer
from keiki.wire.slots import jst_midnight

from keiki_host.headend import (
    command_import,
    command_meter,
    command_serve,
    command_token,
    croute,
    jst,
    kpi,
    migrate,
    overview,
    validate,
)
from keiki_host.headend import export as values
from keiki_host.headend.command_options import (
    DATABASE,
    KEY_FILE,
    AsJson,
    Database,
    KeyFile,
    connected,
    print_json,
    print_table,
)
from keiki_host.headend.database import Store, make_engine
from keiki_host.headend.keys import Safe, make_key_file

SHARES = ("connection", "within_30", "within_60", "within_48h", "reading", "settings")

app = typer.Typer(
    help="The head-end: values of all meters, kept, judged and handed on.",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(command_token.app, name="token")
app.add_typer(command_meter.app, name="meter")
command_meter.app.command("import")(command_import.import_)
app.command()(command_serve.serve)


@app.command()
def upgrade(database: Database = DATABASE, key_file: KeyFile = KEY_FILE) -> None:
    """Make the database, or bring it to this release; make the key file if there is none."""
    store = Store(make_engine(database))
    try:
        if not key_file.exists() and migrate.revision(store) is None:
            make_key_file(key_file)
            print(f"{key_file}: made; keep a copy elsewhere, the meters' keys cannot be read without it")
        before = migrate.revision(store)
        migrate.upgrade(store)
        Safe(store, key_file)
        after = migrate.head()
        print(f"database: of release {after}" + ("" if before == after else f", was {before or 'empty'}"))
    finally:
        store.close()


@app.command()
def status(
    database: Database = DATABASE,
    day: Annotated[
        str | None, typer.Option(help="Of which day. [default: today]", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What is there, what waits, and the KPIs of a day."""
    now_s = int(time.time())
    day_s = jst_midnight(now_s if day is None else jst.parse(day))
    with connected(database) as store:
        state = overview.overview(store, now_s=now_s)
        days = kpi.area_days(store, day_s, now_s=now_s)
    if as_json:
        print_json(
            {**state._asdict(), "day": jst.iso(day_s)[:10], "areas": [overview.as_dict(d) for d in days]}
        )
        return
    print_table([(name.replace("_", " "), str(value)) for name, value in overview.words(state)])
    head = ("area", "connection", "30 min", "60 min", "48 h", "reading", "settings")
    rows = [(d.area, *(overview.percent(getattr(d, name)) for name in SHARES)) for d in days]
    print_table([(jst.iso(day_s)[:10],), head, *rows])


@app.command()
def export(
    out: Annotated[Path, typer.Option(metavar="FILE", help="What to write.", show_default=False)],
    since: Annotated[
        str, typer.Option("--from", metavar="TIME", help="First slot, or day.", show_default=False)
    ],
    until: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Up to, but without it.", show_default=False)
    ],
    database: Database = DATABASE,
    kind: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    area: Annotated[str | None, typer.Option(help="Only this area.", show_default=False)] = None,
    meter: Annotated[
        str | None, typer.Option(help="Only this meter: serial or title.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Values as CSV or Parquet, estimates marked as such."""
    with connected(database) as store:
        meter_id = None if meter is None else command_meter.number(store, meter)
        count = values.export(
            store, out, kind, jst.parse(since), jst.parse(until), area_code=area, meter_id=meter_id
        )
    if as_json:
        print_json({"file": str(out), "rows": count})
    else:
        print(f"{out}: {count} values")


@app.command()
def judge(database: Database = DATABASE, as_json: AsJson = False) -> None:
    """Judge what came since the last time, and fill gaps."""
    with connected(database) as store:
        days = validate.judge_new(store, now_s=int(time.time()))
    print_json({"days": days}) if as_json else print(f"{days} days of areas judged")


@app.command()
def deliver(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the files go.", show_default=False)],
    database: Database = DATABASE,
    as_json: AsJson = False,
) -> None:
    """Hand on what came since the last time: a C-route file for each retailer."""
    with connected(database) as store:
        files = croute.deliver(store, out, now_s=int(time.time()))
    if as_json:
        print_json({"files": [file._asdict() for file in files]})
        return
    print_table(
        [("file", "values", "within 60 min", "latest")]
        + [(f.name, str(f.rows), str(f.within_60), f"{f.latest_s} s") for f in files]
    )
