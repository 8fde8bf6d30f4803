"""What Alembic runs: `env.py` and one file for each change of the tables."""
