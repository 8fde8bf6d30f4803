"""What a bundle holds: the code of a board as it is compiled for it."""

from keiki_host import board_data
from keiki_host.bench import firmware_image
from keiki_host.bench.errors import BenchError
from keiki_host.flash import app_files
from keiki_host.flash.errors import FlashError
from keiki_host.update.errors import UpdateError, UpdateInputError


def application(name: str, version: str) -> dict[str, bytes]:
    """Return the files of board `name`: path -> contents.

    UpdateInputError: there is no such board, or its board.py is wrong; UpdateError: its code does not compile
    or fit.
    """
    bench = sorted(path.parent.name for path in board_data.boards_folder().glob("unix*/board.py"))
    try:
        if name in bench:
            return firmware_image.application(name, version)
        if name not in board_data.names():
            known = ", ".join([*board_data.names(), *bench])
            raise UpdateInputError(f"board: {name}: updates are made for {known}")
        return app_files.update(board_data.load(name), version)
    except board_data.BoardError as error:
        raise UpdateInputError(str(error)) from None
    except (BenchError, FlashError) as error:
        raise UpdateError(str(error)) from None
