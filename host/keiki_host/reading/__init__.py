"""`keiki read` and `keiki monitor`: what a meter shows now, by whatever way it is reached."""
