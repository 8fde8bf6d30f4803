"""What can go wrong with an update, each as one line."""

import contextlib
from collections.abc import Iterator


class UpdateError(Exception):
    """The meter does not take the update, or is gone."""


class UpdateGoneError(UpdateError):
    """The connection is lost; what has come is on the meter, and another attempt goes on from there."""


class UpdateInputError(Exception):
    """A file or key that was named is not what it must be."""


@contextlib.contextmanager
def told_as_update(gone: type[Exception], failed: type[Exception]) -> Iterator[None]:
    """Tell errors of a way to the meter as those of an update; `gone` may be a kind of `failed`."""
    try:
        yield
    except gone as error:
        raise UpdateGoneError(str(error)) from None
    except failed as error:
        raise UpdateError(str(error)) from None
