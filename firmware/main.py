"""What a board runs: its own data, and the meter."""

import board
from keiki.meter import app

app.hardware().free_code(True)  # here, where none of that code runs
app.run(board)
