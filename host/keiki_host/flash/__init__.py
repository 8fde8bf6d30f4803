"""`keiki flash`: MicroPython, the meter's code and its configuration, onto a board."""
