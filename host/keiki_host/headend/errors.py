"""What can go wrong in the head-end, each as one line that a person can act on."""


class HeadendError(Exception):
    """The work could not be done; the text is one clear line without secrets."""


class HeadendInputError(HeadendError):
    """What was asked for is wrong: a bad URL, an unknown meter, a value out of range."""


class StoreUnavailableError(HeadendError):
    """The database cannot be reached or is busy; nothing was changed, and the same call may succeed later."""


class StoreFullError(StoreUnavailableError):
    """The database has no room left; nothing was changed."""
