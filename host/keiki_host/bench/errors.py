"""What can go wrong with a bench, for people."""


class BenchError(Exception):
    """The bench cannot start or go on: one line for people."""
