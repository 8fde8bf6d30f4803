"""What stands in for the network module: a radio that does what the test tells it to."""

STA_IF = 0
told = set()
quiet = []
"""How long nothing will be missed; it holds for one start of the radio."""


def country(code):
    told.add(("country", code))


class WLAN:
    PM_NONE = 0
    answers = []
    """What isconnected says, one after the other; the last one stays."""

    def __init__(self, interface):
        assert interface == STA_IF

    def active(self, on):
        if on:
            assert quiet.pop() >= 800 and not quiet
        told.add(("active", on))

    def config(self, pm):
        told.add(("pm", pm))

    def disconnect(self):
        pass

    def connect(self, ssid, password):
        told.add(("connect", ssid))

    def isconnected(self):
        return WLAN.answers.pop(0) if len(WLAN.answers) > 1 else WLAN.answers[0]

    def ifconfig(self):
        return ("192.0.2.7", "255.255.255.0", "192.0.2.1", "192.0.2.53")
