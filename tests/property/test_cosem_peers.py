"""Client and links under hypothesis: a bad peer or line ends in an error of ours, never in a wrong value."""

from cosem_guards import head_end
from cosem_line import Line
from cosem_world import IMPORT, PROFILE, TEXT
from hypothesis import given, settings
from hypothesis import strategies as st
from keiki.wire.cosem.axdr import OCTETS, FrameError
from keiki.wire.cosem.client import Client, Refused, decode_notification
from keiki.wire.cosem.hdlc_client import LinkError
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.security import SecurityError
from keiki.wire.cosem.session import CounterError
from keiki.wire.cosem.values import encode

ERRORS = (FrameError, Refused, AccessError, SecurityError, CounterError)
HEADS = st.sampled_from(
    ["", "C401C100", "C402C1", "C403C1", "C701C1", "C501C1", "C502C1", "D801", "61", "63", "DB08", "CC", "0F"]
)
ANSWERS = st.lists(
    st.tuples(HEADS.map(bytes.fromhex), st.binary(max_size=60)).map(b"".join), min_size=1, max_size=6
)


def endure(operation, answers):
    """Feed an operation with answers; it may go on, end, or raise an error of ours."""
    try:
        operation.send(None)
        for answer in answers:
            operation.send(answer)
    except StopIteration:
        pass
    except ERRORS:
        pass


@given(ANSWERS, st.booleans())
def test_whatever_a_server_answers_the_client_ends_with_an_error_of_ours(answers, secured):
    client = Client(head_end() if secured else None)
    endure(client.open(), answers)
    client = Client()
    client.server_pdu_max = 128
    endure(client.get(IMPORT), answers)
    endure(client.get_list([(IMPORT, None), (TEXT, None)]), answers)
    endure(client.set(TEXT, encode(OCTETS, bytes(300))), answers)
    endure(client.act(TEXT, b"\x00"), answers)
    endure(client.release(), answers)


@given(st.binary(max_size=80))
def test_an_arbitrary_notification_is_one_or_a_frame_error(raw):
    for data in (raw, b"\x0f" + raw):
        try:
            decode_notification(data)
        except FrameError:
            continue


# what the line does to a frame: nothing, loses it, damages it, cuts it off, sends it twice, adds noise
DAMAGE = st.sampled_from(["", "", "", "", "", "lost", "flipped", "cut", "twice", "noise"])


@settings(deadline=None, max_examples=60)
@given(st.lists(DAMAGE, max_size=60), st.integers(0, 10**6), st.sampled_from([32, 64, 128]))
def test_over_a_bad_line_every_value_is_right_and_every_action_done_once(damage, seed, info_max):
    line = Line(info_max, info_max, rows=20).opened()
    plan = list(damage)

    def disturb(data):
        kind = plan.pop() if plan else ""
        at = 1 + seed % (len(data) - 1)
        if kind == "lost":
            return b""
        if kind == "flipped":
            return data[:at] + bytes((data[at] ^ 1 << seed % 8,)) + data[at + 1 :]
        if kind == "cut":
            return data[:at]
        if kind == "twice":
            return data + data
        return b"\x7e\xa0\x00~noise~" + data if kind == "noise" else data

    line.up = line.down = disturb
    done = 0
    for _ in range(4):
        try:
            line.do(line.client.act((70, b"\0\0\x60\x03\x0a\xff", 1), b"\x0f\x00"))
            done += 1
            assert len(line.world.view.log) == done
            assert line.do(line.client.get(IMPORT)) == 123456
            assert len(line.do(line.client.get(PROFILE))) == 20
        except LinkError:
            # given up: whether it was done is not known, but never more than once
            assert len(line.world.view.log) <= done + 1
            return
