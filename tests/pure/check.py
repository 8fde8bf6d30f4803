"""Assertions for tests that run on CPython and on MicroPython alike."""


def raises(error, function, *args, **kwargs):
    """Assert that the call raises `error`, and return what was raised."""
    try:
        function(*args, **kwargs)
    except error as caught:
        return caught
    raise AssertionError("%s not raised" % error.__name__)
