"""Reaching meters over the A-route from this host: keys, and I/O around keiki.wire.cosem.client."""
