"""What COSEM knows a meter by."""


def title_of(unique_id: bytes) -> bytes:
    """Return the system title of the meter with this unique id: KEI and its last five bytes."""
    return b"KEI" + (bytes(5) + unique_id)[-5:]
