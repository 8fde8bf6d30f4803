"""What can go wrong in provisioning a meter: one line without secrets."""


class ProvisionError(Exception):
    """The meter is not provisioned, or not all of it was done; the line says what was."""


class ProvisionInputError(Exception):
    """A file, a name or a value is wrong; nothing was begun."""
