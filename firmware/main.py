"""What a board runs: its own data, and the meter."""

import board
from keiki.meter import app

app.run(board)
