"""`keiki headend`: hands its words to keiki_host.headend.command, which needs an extra."""

import typer

from keiki_host.headend.errors import HeadendError

NEEDED = {"alembic", "cryptography", "psycopg", "sqlalchemy"}

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Settings of the command: its words, `--help` too, are not looked at here."""


def headend(context: typer.Context) -> int:
    """The head-end: values of all meters, kept, judged and handed on (docs/head-end.md)."""
    try:
        from keiki_host.headend.command import app  # noqa: PLC0415 - needs what not every user has
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        raise HeadendError(
            f"headend: {error.name} is missing; install it with pip install 'keiki-meter[headend]'"
        ) from None
    return int(app(context.args or ["--help"], prog_name="keiki headend", standalone_mode=False) or 0)
