"""What can go wrong with an update, each as one line."""


class UpdateError(Exception):
    """The meter does not take the update, or is gone."""


class UpdateInputError(Exception):
    """A file or key that was named is not what it must be."""
