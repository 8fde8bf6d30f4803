"""Who may see what: every scope against every action, and no window into somebody else's time."""

import pytest
from keiki_host.headend import access, parties, tokens, trail
from keiki_host.headend.access import Action, DeniedError, UnknownTokenError
from keiki_host.headend.database import Store
from keiki_host.headend.errors import HeadendInputError
from keiki_host.headend.tokens import Principal

from tests.headend.fleet_of_few import DAY, WHO, make

ME = {"who": WHO, "now_s": DAY}
HOUR = 3600
POINTS = [f"{n:022}" for n in (1, 2)]


def world(store: Store) -> dict[str, Principal]:
    """Two points; retailer RA had both until DAY, then RB got the first; one customer in each."""
    make(store, 2)
    ids = {
        code: parties.add_party(store, code, code, kind, **ME)
        for code, kind in (("RA", "retailer"), ("RB", "retailer"), ("CA", "customer"), ("CB", "customer"))
    }
    first, second = (parties.find_point(store, number) for number in POINTS)
    for point_id in (first, second):
        parties.switch_supplier(store, point_id, ids["RA"], DAY - 9 * HOUR, **ME)
    parties.switch_supplier(store, first, ids["RB"], DAY, **ME)
    parties.move(store, first, ids["CA"], DAY - HOUR, **ME)
    parties.move(store, second, ids["CB"], DAY - HOUR, **ME)
    made = {
        "RA": ("retailer", "RA"),
        "RB": ("retailer", "RB"),
        "CA": ("customer", "CA"),
        "CB": ("customer", "CB"),
        "operator": ("operator", None),
        "auditor": ("auditor", None),
    }
    return {
        name: access.enter(store, tokens.make(store, name, scope, code, **ME), now_s=DAY)
        for name, (scope, code) in made.items()
    }


# written out, not computed from access.RIGHTS
ALLOWED = {
    "RA": {"values", "files"},
    "CA": {"values"},
    "operator": {"values", "fleet", "meter", "command", "registry"},
    "auditor": {"trail"},
}


def test_every_scope_may_do_what_the_table_says_and_nothing_else(store: Store) -> None:
    principals = world(store)
    denied = 0
    for name, may in ALLOWED.items():
        for action in Action:
            if action.value in may:
                access.allow(store, principals[name], action, "x", now_s=DAY)
            else:
                denied += 1
                with pytest.raises(DeniedError):
                    access.allow(store, principals[name], action, "x", now_s=DAY)
    lines = [e for e in trail.entries(store) if e.outcome == "denied"]
    assert len(lines) == denied == 19
    assert {e.who.split()[-1] for e in lines} == set(ALLOWED)


def test_a_scope_that_is_not_in_the_table_may_do_nothing(store: Store) -> None:
    make(store, 1)
    for action in Action:
        with pytest.raises(DeniedError):
            access.allow(store, Principal(1, "x", "root", None), action, "x", now_s=DAY)


WINDOWS = [
    ("RA", 0, [(-9, 0)]),
    ("RA", 1, [(-9, 24)]),
    ("RB", 0, [(0, 24)]),
    ("RB", 1, None),
    ("CA", 0, [(-1, 24)]),
    ("CA", 1, None),
    ("CB", 0, None),
    ("CB", 1, [(-1, 24)]),
    ("operator", 0, [(-24, 24)]),
    ("auditor", 0, None),
]


def test_values_are_seen_in_ones_own_time_only(store: Store) -> None:
    principals = world(store)
    for name, point, hours in WINDOWS:
        asked = (store, principals[name], POINTS[point], DAY - 24 * HOUR, DAY + 24 * HOUR)
        if hours is None:
            with pytest.raises(DeniedError):
                access.windows(*asked, now_s=DAY)
            assert trail.entries(store, most=1)[0].outcome == "denied"
        else:
            _, parts = access.windows(*asked, now_s=DAY)
            assert [((a - DAY) / HOUR, (b - DAY) / HOUR) for a, b in parts] == hours, name


def test_a_point_that_is_not_there_is_denied_as_one_that_is_anothers(store: Store) -> None:
    principals = world(store)
    texts = []
    for number in (POINTS[1], "0", "' OR 1=1 --"):
        with pytest.raises(DeniedError) as caught:
            access.windows(store, principals["CA"], number, DAY, DAY + HOUR, now_s=DAY)
        texts.append(str(caught.value))
    assert len(set(texts)) == 1


def test_a_retailer_gets_its_own_files_and_lists_its_own_points(store: Store) -> None:
    principals = world(store)
    assert access.own_points(store, principals["RA"], now_s=DAY) == POINTS
    assert access.own_points(store, principals["RB"], now_s=DAY) == POINTS[:1]
    assert access.own_points(store, principals["CB"], now_s=DAY) == POINTS[1:]
    assert access.own_retailer(store, principals["RB"], now_s=DAY) == principals["RB"].party_id
    for name in ("CA", "operator", "auditor"):
        with pytest.raises(DeniedError):
            access.own_retailer(store, principals[name], now_s=DAY)
    for name in ("operator", "auditor"):
        with pytest.raises(DeniedError):
            access.own_points(store, principals[name], now_s=DAY)


def test_a_token_is_kept_as_a_hash_and_ends(store: Store) -> None:
    make(store, 1)
    text = tokens.make(store, "page", "operator", expires_s=DAY + 10, **ME)
    other = tokens.make(store, "page", "operator", **ME)
    assert access.enter(store, text, now_s=DAY + 9).who == "token 1 page"
    tokens.revoke(store, 2, **ME)
    bad = [(text, DAY + 10), (other, DAY), (text[:-1], DAY), ("", DAY), ("keiki_", DAY), ("é" * 9, DAY)]
    for wrong, now_s in [*bad, ("keiki_" + "A" * 43, DAY), ("keiki_" + "A" * 9999, DAY)]:
        with pytest.raises(UnknownTokenError):
            access.enter(store, wrong, now_s=now_s, peer="127.0.0.9")
    lines = [e for e in trail.entries(store) if e.outcome == "denied"]
    assert (len(lines), lines[0].detail) == (8, {"peer": "127.0.0.9"})
    told = str(trail.entries(store)) + str(tokens.tokens(store))
    assert text[6:] not in told
    with pytest.raises(HeadendInputError):
        tokens.revoke(store, 2, **ME)


BAD = [("root", None), ("customer", None), ("operator", "RA"), ("customer", "RA"), ("retailer", "RX")]


def test_a_token_that_cannot_be_is_not_made(store: Store) -> None:
    parties.add_party(store, "RA", "RA", "retailer", **ME)
    for scope, party in BAD:
        with pytest.raises(HeadendInputError):
            tokens.make(store, "x", scope, party, **ME)
    assert tokens.tokens(store) == []
