"""ECHONET Lite node of a low-voltage smart meter: frames, objects and a sans-I/O node."""
