"""`keiki provision` and `keiki label`: pass their words on to provision/command.py, which needs extras."""

import importlib

import typer

from keiki_host.headend_command import NEEDED
from keiki_host.provision.errors import ProvisionError


def provision(context: typer.Context) -> int:
    """Give a meter its name, secrets and the time, and register it (docs/provision.md)."""
    return _handed("app", "keiki provision", context)


def label(context: typer.Context) -> int:
    """Make the label of a meter again (docs/provision.md)."""
    return _handed("label_app", "keiki label", context)


def _handed(app: str, name: str, context: typer.Context) -> int:
    try:
        module = importlib.import_module("keiki_host.provision.command")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        raise ProvisionError(
            f"provision: {error.name} is missing; install it with pip install 'keiki-meter[provision]'"
        ) from None
    return int(getattr(module, app)(context.args or ["--help"], prog_name=name, standalone_mode=False) or 0)
