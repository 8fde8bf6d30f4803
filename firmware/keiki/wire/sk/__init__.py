"""SKSTACK-IP: the text protocol between a host and a Wi-SUN module (b-route.md E1, E2, E4, F).

`lines` reads the serial stream, `dialect` builds and parses every line in both directions, and
`coordinator` drives a module as PAN coordinator and PANA authentication agent (the meter's side).
"""
