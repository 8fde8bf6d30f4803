"""Talking to a node under test in few words."""

from echonet_vectors import CTL, METER
from keiki.wire.echonet import frame

PEER = ("sk", "hems")


def hx(raw):
    """Return upper-case hex of bytes."""
    return "".join(f"{byte:02X}" for byte in raw)


def ask(node, esv, props, props_get=None, deoj=METER, peer=PEER, seoj=CTL, tid=0x1234):
    """Send a request and return the decoded answer, None for silence; checks what every answer has."""
    node.receive(frame.encode(tid, seoj, deoj, esv, props, props_get), peer, 0)
    sent = node.to_send()
    if not sent:
        return None
    assert len(sent) == 1, sent
    assert sent[0][0] == peer
    answer = frame.decode(sent[0][1])
    assert answer.tid == tid and answer.deoj == seoj
    assert [epc for epc, _ in answer.props] == [epc for epc, _ in props]
    if props_get is not None:
        assert [epc for epc, _ in answer.props_get] == [epc for epc, _ in props_get]
    return answer


def get(node, epc, **where):
    """Return the hex of one property, None if it is refused."""
    answer = ask(node, frame.GET, [(epc, b"")], **where)
    if answer.esv == frame.GET_SNA:
        assert answer.props == [(epc, b"")]
        return None
    assert answer.esv == frame.GET_RES
    return hx(answer.props[0][1])


def put(node, epc, text, **where):
    """Set one property from hex; return whether it was accepted."""
    edt = bytes.fromhex(text)
    answer = ask(node, frame.SETC, [(epc, edt)], **where)
    if answer.esv == frame.SETC_SNA:
        assert answer.props == [(epc, edt)]
        return False
    assert answer.esv == frame.SET_RES and answer.props == [(epc, b"")]
    return True
