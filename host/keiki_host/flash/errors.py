"""What can go wrong in flashing a board: one line that says what to do."""


class FlashError(Exception):
    """The board is not as it was asked for; it can be tried again."""


class FlashInputError(Exception):
    """This was never going to work: a file, a port or a name is wrong."""
