"""`keiki headend token`: who may ask the API for what."""

import time
from typing import Annotated

import typer

from keiki_host.headend import jst, tokens
from keiki_host.headend.command_options import (
    DATABASE,
    AsJson,
    Database,
    connected,
    print_json,
    print_table,
    who,
)

app = typer.Typer(help="Tokens of the API: who may ask for what.", no_args_is_help=True)


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="For the trail: whose it is, or what uses it.")],
    scope: Annotated[str, typer.Option(help="customer, retailer, operator or auditor.", show_default=False)],
    party: Annotated[
        str | None, typer.Option(help="Code of the customer or retailer.", show_default=False)
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="How long it is valid. [default: for ever]", show_default=False)
    ] = None,
    database: Database = DATABASE,
    as_json: AsJson = False,
) -> None:
    """Make a token and show it. It is shown this once."""
    now_s = int(time.time())
    expires_s = None if days is None else now_s + days * 86400
    with connected(database) as store:
        text = tokens.make(store, name, scope, party, who=who(), now_s=now_s, expires_s=expires_s)
    print_json({"token": text}) if as_json else print(text)


@app.command("list")
def list_(database: Database = DATABASE, as_json: AsJson = False) -> None:
    """All tokens there are; none of them itself."""
    with connected(database) as store:
        found = tokens.tokens(store)
    if as_json:
        print_json({"tokens": [token._asdict() for token in found]})
        return
    rows = [("number", "name", "scope", "party", "made", "ends")]
    for token in found:
        end_s = token.revoked_s or token.expires_s
        rows.append(
            (
                str(token.token_id),
                token.name,
                token.scope,
                token.party or "-",
                jst.iso(token.made_s)[:16],
                "-" if end_s is None else jst.iso(end_s)[:16],
            )
        )
    print_table(rows)


@app.command()
def revoke(
    number: Annotated[int, typer.Argument(help="As `list` shows it.")], database: Database = DATABASE
) -> None:
    """End a token for good."""
    with connected(database) as store:
        tokens.revoke(store, number, who=who(), now_s=int(time.time()))
