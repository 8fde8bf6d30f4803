"""Signed updates: bundles made and signed, and given to meters."""
