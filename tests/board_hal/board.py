"""A board for the tests of the hal."""

CHIP = "rp2040"
UARTS = {0: {"tx": 0, "rx": 1}, 1: {"tx": 4, "rx": 5, "rts": 6, "cts": 7}}
SPIS = {1: {"sck": 10, "mosi": 11, "miso": 12}}
I2CS = {0: {"scl": 21, "sda": 20}}
ACTIVE_LOW = (2,)
WIFI = True
FLASH = {"spi": 1, "cs": 13, "baudrate": 10000000}
