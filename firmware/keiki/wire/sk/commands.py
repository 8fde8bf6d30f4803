"""The commands of each module family and their argument counts (b-route.md E2, E3, E4, F).

Only an emulated module asks; the meter never imports this, so it costs a board nothing.
"""

# Argument counts (least, most) per command: bp35a1, bp35c2; None = ER04 in that family.
_NONE = (0, 0)
_ONE = (1, 1)
_TWO = (2, 2)
COMMANDS = {
    "SKSREG": ((1, 2), (1, 2)),
    "SKINFO": (_NONE, _NONE),
    "SKSTART": (_NONE, _NONE),
    "SKJOIN": (_ONE, _ONE),
    "SKREJOIN": (_NONE, _NONE),
    "SKTERM": (_NONE, _NONE),
    "SKSENDTO": ((5, 5), (6, 6)),  # without the payload
    "SKPING": (_ONE, _TWO),
    "SKSCAN": ((3, 3), (4, 4)),
    "SKREGDEV": (_ONE, None),
    "SKRMDEV": (_ONE, _ONE),
    "SKSETKEY": ((2, 3), None),
    "SKRMKEY": (_ONE, None),
    "SKSECENABLE": ((3, 3), None),
    "SKSETPSK": (_TWO, _TWO),
    "SKSETPWD": (_TWO, _TWO),
    "SKSETRBID": (_ONE, _ONE),
    "SKSETHPWD": (None, _TWO),
    "SKADDNBR": (_TWO, _TWO),
    "SKUDPPORT": (_TWO, _TWO),
    "SKTCPPORT": (_TWO, None),
    "SKCONNECT": ((4, 4), None),
    "SKCLOSE": (_ONE, _NONE),
    "SKOPEN": (None, _ONE),
    "SKJOINFOR": (None, _ONE),
    "SKTERMFOR": (None, _ONE),
    "SKAUTOUPD": (None, _ONE),
    "SKSAVE": (_NONE, _NONE),
    "SKLOAD": (_NONE, _NONE),
    "SKERASE": (_NONE, _NONE),
    "SKVER": (_NONE, _NONE),
    "SKAPPVER": (_NONE, _NONE),
    "SKRESET": (_NONE, _NONE),
    "SKTABLE": (_ONE, _ONE),
    "SKDSLEEP": (_NONE, _NONE),
    "SKRFLO": (_ONE, _ONE),
    "SKLL64": (_ONE, _ONE),
    "WOPT": (_ONE, _ONE),
    "ROPT": (_NONE, _NONE),
    "WUART": (_ONE, _ONE),
    "RUART": (_NONE, _NONE),
}
