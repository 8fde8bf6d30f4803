"""DLMS/COSEM, the A-route's language: codec, server and client, all without I/O."""
