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


try:
    from cryptolib import aes

    HOST = False
except ImportError:
    HOST = True

_ECB = const(1)


def aes_ecb(key: bytes):
    """Return AES over single blocks: `encrypt(data, into)` or, another one, `decrypt(data, into)`."""
    if HOST:
        from keiki.wire.cosem.gcm_host import Ecb

        return Ecb(key)
    return aes(key, _ECB)  # pyright: ignore[reportPossiblyUnboundVariable]


def ghash():
    """Return the module of GHASH that suits: in viper, unless this port cannot load it."""
    try:
        from keiki.wire.cosem import ghash_viper as found
    except (ImportError, NameError, SyntaxError, ValueError):  # none; CPython; no emitter; of another chip
        from keiki.wire.cosem import ghash_plain as found
    return found


def runs():
    """Return the module of runs of records that suits, as `ghash` does."""
    try:
        from keiki.wire import runs_viper as found
    except (ImportError, NameError, SyntaxError, ValueError):
        from keiki.wire import runs_plain as found
    return found


def gcm():
    """Return the class `Gcm` of this interpreter."""
    if HOST:
        from keiki.wire.cosem.gcm_host import Gcm
    else:
        from keiki.wire.cosem.gcm import Gcm
    return Gcm
