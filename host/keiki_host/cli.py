"""The `keiki` command."""


def main() -> None:
    """Entry point of the `keiki` command."""
