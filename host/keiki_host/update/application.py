"""What a bundle holds: the code of a board as it is compiled for it."""

from keiki_host.bench import firmware_image
from keiki_host.board_data import boards_folder
from keiki_host.update.errors import UpdateInputError


def application(name: str, version: str) -> dict[str, bytes]:
    """Return the files of board `name`: path -> contents. UpdateInputError: there is no such board."""
    boards = sorted(path.parent.name for path in boards_folder().glob("unix*/board.py"))
    if name not in boards:
        raise UpdateInputError(f"board: {name}: updates are made for {', '.join(boards)}")
    return firmware_image.application(name, version)
