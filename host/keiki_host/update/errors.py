"""What can go wrong with an update, each as one line."""


class UpdateError(Exception):
    """The meter does not take the update, or is gone."""


class UpdateGoneError(UpdateError):
    """The connection is lost; what has come is on the meter, and another attempt goes on from there."""


class UpdateInputError(Exception):
    """A file or key that was named is not what it must be."""
