"""Calibrating a meter against a reference instrument: procedure, instruments, report."""
