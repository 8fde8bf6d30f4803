"""Result codes of GET, SET and ACTION, and the exception that carries one.

Document: IEC 62056-5-3, Data-Access-Result. Action-Result has the same numbers as far as it has them.
"""

from keiki.wire.compat import const
from keiki.wire.cosem.axdr import FrameError, Full

SUCCESS = const(0)
HARDWARE_FAULT = const(1)
TEMPORARY_FAILURE = const(2)
DENIED = const(3)
UNDEFINED = const(4)
CLASS_INCONSISTENT = const(9)
UNAVAILABLE = const(11)
TYPE_UNMATCHED = const(12)
SCOPE_VIOLATED = const(13)
BLOCK_UNAVAILABLE = const(14)
LONG_ABORTED = const(15)
NO_LONG_GET = const(16)
LONG_SET_ABORTED = const(17)
NO_LONG_SET = const(18)
BLOCK_NUMBER_INVALID = const(19)
OTHER = const(250)


class AccessError(Exception):
    """A service that is refused with a result code: `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


FAULTS = (AccessError, FrameError, Full, ValueError, OSError)
"""What the methods of an object may raise, and what each amounts to: see `code_of`."""


def code_of(fault: Exception) -> int:
    """Return the result code for what an object raised.

    FrameError: the value has another type; OSError: the flash or a part refused; ValueError: no such value.
    """
    if isinstance(fault, AccessError):
        return fault.code
    if isinstance(fault, FrameError):
        return TYPE_UNMATCHED
    return HARDWARE_FAULT if isinstance(fault, OSError) else OTHER
