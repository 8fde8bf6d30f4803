"""The meter's objects under hypothesis: whatever a client with all rights writes or asks, a code answers."""

from aroute_world import MANAGEMENT, NOW_S, Meter
from cosem_world import Connection
from hypothesis import given, settings
from hypothesis import strategies as st
from keiki.wire.cosem import apdu, datetime12, results
from keiki.wire.cosem.axdr import ARRAY, NULL, NUMBERS, OCTETS, Reader, Writer
from keiki.wire.cosem.client import Client
from keiki.wire.cosem.objects_fields import FieldObject
from keiki.wire.cosem.selection import by_entry, by_range
from keiki.wire.cosem.values import encode, parse_shape

SERVICES = (apdu.GET, apdu.SET, apdu.ACTION)
EDGES = (0, 1, 5, 60, 1000, 0xFF, 0xFFFF, 0xFFFFFFFF)
CODES = {getattr(results, name) for name in dir(results) if isinstance(getattr(results, name), int)}
TIMES = st.sampled_from([0, NOW_S, NOW_S - 86400, NOW_S + 100, 0xFFFFFFFF])
NUMBERS_U32 = st.sampled_from([0, 1, 2, 5, 60, 0xFFFFFFFF])
SELECTIONS = st.one_of(
    st.builds(by_range, TIMES, TIMES),
    st.builds(by_entry, NUMBERS_U32, NUMBERS_U32, st.sampled_from([0, 1, 2, 9]), st.sampled_from([0, 1, 4])),
)
STRINGS = st.one_of(
    st.binary(max_size=40),
    TIMES.map(datetime12.pack),
    st.just(datetime12.UNSPECIFIED),
    st.binary(min_size=24),
)


def values_of(shape):
    """Return a strategy of the values that have a shape."""
    if shape == NULL:
        return st.none()
    if isinstance(shape, int) and shape in NUMBERS:
        _, _, low, high = NUMBERS[shape]
        return st.one_of(st.integers(low, high), st.sampled_from([e for e in EDGES if low <= e <= high]))
    if isinstance(shape, int):
        return STRINGS
    if shape[0] == ARRAY:
        return st.lists(values_of(shape[1]), max_size=6)
    return st.tuples(*(values_of(inner) for inner in shape[1:]))


def shapes_of(table):
    """Return the shapes in a table of fields."""
    return [parse_shape(row.split(" ", 1)[1]) for row in table.split(", ")] if table else []


@st.composite
def requests(draw, meter):
    """Draw a GET, SET or ACTION of an object, mostly of a shape that it knows."""
    objects = meter.cosem.server.objects
    found = objects.get(draw(st.sampled_from(list(objects.visible(MANAGEMENT)))))
    service = draw(st.sampled_from(SERVICES))
    rights = found.access[MANAGEMENT][SERVICES.index(service)]
    allowed = [number for number in range(1, 13) if rights >> number & 1]
    member = draw(st.sampled_from(allowed) if allowed else st.integers(-1, 12))
    shapes = [OCTETS, parse_shape("u32"), parse_shape("[(enum octets)]"), NULL]
    if isinstance(found, FieldObject):
        table = shapes_of(found.actions if service == apdu.ACTION else found.fields)
        at = member - (1 if service == apdu.ACTION else 2)
        shapes += table[at : at + 1] * 6 if at >= 0 else []
    shape = draw(st.sampled_from(shapes))
    value = encode(shape, draw(values_of(shape)))
    descriptor = (found.class_id, found.name, member)
    if service == apdu.GET:
        return service, (0xC1, descriptor, draw(st.none() | SELECTIONS))
    if service == apdu.SET:
        return service, (0xC1, descriptor, None, value)
    return service, (0xC1, descriptor, draw(st.sampled_from([None, value, value, value])))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_whatever_the_management_asks_is_answered_with_a_value_or_a_code(data):
    meter = Meter(slots=60, missing=(3, 7))
    meter.cosem.server.clients[MANAGEMENT].guard = None  # what is asked, not how it is protected
    connection = Connection(meter.cosem, MANAGEMENT)
    connection.do(Client().open())
    association = connection.association
    for _ in range(25):
        service, fields = data.draw(requests(meter))
        writer = Writer(bytearray(2000))
        apdu.encode(writer, service << 8 | apdu.NORMAL, *fields)
        answer = association.receive(writer.buffer, 0, writer.at, MANAGEMENT, 1, 5000)
        if association.waits_for is not None:
            answer = association.conclude(meter.supply.settle())
        key, found = apdu.decode(Reader(association.answer, *answer))
        assert key >> 8 == service + 4
        if service == apdu.GET and key & 0xFF == apdu.GET_BLOCK:
            continue
        if isinstance(found[1], int):
            assert found[1] in CODES
