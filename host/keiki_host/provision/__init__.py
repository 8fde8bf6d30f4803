"""`keiki provision`: a meter gets its name, its secrets and the time, and the head-end gets to know it."""
