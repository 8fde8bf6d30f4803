"""What the A-route serves: the COSEM objects of this meter over its registers, logs and settings."""
