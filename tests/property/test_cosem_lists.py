"""Lists in blocks under hypothesis: cut anywhere, they do what one APDU does; damaged, all or nothing."""

from cosem_world import IMPORT, MANAGEMENT, SECURITY, SWITCH, TEXT, Connection, World, member
from hypothesis import given
from hypothesis import strategies as st
from keiki.wire.cosem import apdu
from keiki.wire.cosem.axdr import OCTETS, Reader, Writer
from keiki.wire.cosem.client import Client
from keiki.wire.cosem.values import encode

INVOKE = 0xC1
SETS = st.lists(
    st.tuples(st.sampled_from([TEXT, IMPORT, member(SWITCH, 4)]), st.binary(max_size=12)), max_size=8
).map(lambda pairs: [(what, encode(OCTETS, data)) for what, data in pairs])
KEYS = st.tuples(
    st.just(member(SECURITY, 2)), st.binary(max_size=9).map(lambda key: encode((1, (2, 22, 9)), [(0, key)]))
)
ACTS = st.lists(
    KEYS | st.tuples(st.sampled_from([member(SWITCH, 1), TEXT]), st.just(b"\x0f\x00")), max_size=6
)


def opened():
    world = World(guards={MANAGEMENT: None})
    connection = Connection(world, MANAGEMENT)
    connection.do(Client().open())
    return world, connection


def request(key, *fields):
    writer = Writer(bytearray(1024))
    apdu.encode(writer, key, *fields)
    return bytes(writer.buffer[: writer.at])


def values_of(pairs):
    writer = Writer(bytearray(512))
    writer.length(len(pairs))
    for _, value in pairs:
        writer.raw(value)
    return bytes(writer.buffer[: writer.at])


def send(connection, first, then, wanted, data, cuts):
    """Send `data` in blocks that end at `cuts`; return the last answer, decoded."""
    bounds = [0, *sorted({cut % len(data) for cut in cuts} - {0}), len(data)]
    for i in range(len(bounds) - 1):
        part = (i == len(bounds) - 2, i + 1, data[bounds[i] : bounds[i + 1]])
        raw = request(first, INVOKE, wanted, *part) if i == 0 else request(then, INVOKE, *part)
        answer = connection.ask(raw)
    return apdu.decode(Reader(answer))


@given(SETS, st.lists(st.integers(0, 200), max_size=12))
def test_a_set_of_a_list_in_blocks_does_what_it_does_in_one_apdu(pairs, cuts):
    wanted = [(what, None) for what, _ in pairs]
    one, first = opened()
    answer = first.ask(request(apdu.SET << 8 | apdu.SET_LIST, INVOKE, wanted, [value for _, value in pairs]))
    _, (_, codes) = apdu.decode(Reader(answer))
    other, second = opened()
    key, fields = send(
        second,
        apdu.SET << 8 | apdu.SET_LIST_FIRST,
        apdu.SET << 8 | apdu.SET_BLOCK,
        wanted,
        values_of(pairs),
        cuts,
    )
    assert key == apdu.SET_ANSWER << 8 | apdu.SET_LIST_LAST and fields[1] == codes
    assert (other.text, other.view.log) == (one.text, one.view.log)


@given(ACTS, st.lists(st.integers(0, 200), max_size=12))
def test_actions_of_a_list_in_blocks_are_those_of_one_apdu(pairs, cuts):
    wanted = [what for what, _ in pairs]
    one, first = opened()
    answer = first.ask(
        request(apdu.ACTION << 8 | apdu.ACTION_LIST, INVOKE, wanted, [value for _, value in pairs])
    )
    expected = apdu.decode(Reader(answer))
    other, second = opened()
    found = send(
        second,
        apdu.ACTION << 8 | apdu.ACTION_LIST_FIRST,
        apdu.ACTION << 8 | apdu.ACTION_BLOCK,
        wanted,
        values_of(pairs),
        cuts,
    )
    assert found == expected and other.view.log == one.view.log


@given(
    SETS.filter(bool),
    st.lists(st.integers(0, 200), min_size=1, max_size=4),
    st.integers(0, 400),
    st.integers(1, 255),
)
def test_a_list_whose_values_are_damaged_is_set_whole_or_not_at_all(pairs, cuts, at, change):
    data = bytearray(values_of(pairs))
    data[at % len(data)] ^= change
    world, connection = opened()
    wanted = [(what, None) for what, _ in pairs]
    send(
        connection,
        apdu.SET << 8 | apdu.SET_LIST_FIRST,
        apdu.SET << 8 | apdu.SET_BLOCK,
        wanted,
        bytes(data),
        cuts,
    )
    reader = Reader(bytes(data))
    try:
        whole = apdu.read_list(reader, "v")
        reader.finish()
    except apdu.FrameError:
        whole = []
    if len(whole) != len(pairs):
        assert world.text == b"keiki" and not world.view.log
    assert not connection.association.intake.service
