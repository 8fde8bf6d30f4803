"""main.py of a board: runs the version that selector.py names, else what the board was flashed with."""

import sys

import selector

_files = selector.Files("update")
_record = selector.choose(_files)
if not _record["active"]:
    sys.path.insert(0, "app")  # where there is no ROMFS
    import keiki_main  # pyright: ignore[reportMissingImports]
else:
    sys.path.insert(0, "update/" + _record["active"])
    try:
        import keiki_main  # noqa: F401 # pyright: ignore[reportMissingImports]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        sys.print_exception(error, sys.stderr)  # pyright: ignore[reportArgumentType]
        selector.failed(_files)
        sys.exit(1)  # MicroPython starts main.py again
