"""What the tests of the host side share: drivers get Python's own asyncio back after each test."""

from collections.abc import Iterator

import pytest
from keiki.drivers import (
    metering_ade7953_transports,
    metering_atm90e32,
    metering_bl0942,
    metering_cse7766,
)

_DRIVERS = (metering_bl0942, metering_cse7766, metering_atm90e32, metering_ade7953_transports)


@pytest.fixture(autouse=True)
def _real_asyncio_afterwards() -> Iterator[None]:
    """Worlds in virtual time stand in for asyncio in the driver that they use."""
    before = [module.asyncio for module in _DRIVERS]
    yield
    for module, real in zip(_DRIVERS, before, strict=True):
        module.asyncio = real
