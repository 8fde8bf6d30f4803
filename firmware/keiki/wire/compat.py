"""What differs between MicroPython and CPython, in one place.

`const` folds at compile time on MicroPython when a module says
`from keiki.wire.compat import const`; on CPython it is the identity.
"""

try:
    # no "/" on MicroPython to say that const takes its argument by position only
    from micropython import const  # pyright: ignore[reportAssignmentType]
except ImportError:

    def const(value):
        """Return `value`: CPython folds nothing."""
        return value
