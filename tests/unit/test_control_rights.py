"""Roles, users and tokens as the control line keeps them."""

import pytest
from msgspec.structs import replace

from plait.api.values import after_prefix
from plait.base.errors import BadSettings
from plait.types.control import ControlMachine
from plait.types.control_rights import (
    TOKENS_MAX,
    rights_state,
    role_records,
    token_records,
    user_records,
)
from plait.types.fold import Stamp
from plait.types.rights import (
    CLUSTER,
    EVERY,
    Allowed,
    after,
    parse_grant,
    range_within,
    show_grant,
)
from plait.types.rights_commands import (
    DropRole,
    DropUser,
    PutRole,
    PutToken,
    PutUser,
    RevokeToken,
    SwitchRights,
)


class MapView:
    def __init__(self):
        self.rows = {}

    def get(self, space, key):
        return self.rows.get((space, key))

    def put(self, space, key, value):
        if value is None:
            self.rows.pop((space, key), None)
        else:
            self.rows[space, key] = value

    def scan(self, space, start, stop, limit, reverse=False):
        found = [
            (key, value)
            for (at, key), value in sorted(self.rows.items(), reverse=reverse)
            if at == space and key >= start and (stop is None or key < stop)
        ]
        return found[:limit]


TOKEN = PutToken("t1", "ann", b"salt", bytes(32), 0)


@pytest.fixture
def line():
    view, machine = MapView(), ControlMachine()

    def order(command):
        return machine.apply(view, Stamp(1, 0, 1, 1000), command)

    order.view = view
    return order


def allowed(*grants):
    return Allowed([parse_grant(text) for text in grants])


def test_roles_users_and_tokens_come_and_go(line):
    assert line(PutRole("clerk", (parse_grant("orders:read"),))) is None
    assert line(PutUser("ann", ("clerk",))) is None
    assert line(TOKEN) is None
    assert [r.name for r in role_records(line.view)] == ["admin", "clerk"]
    assert [(u.name, u.roles) for u in user_records(line.view)] == [("ann", ("clerk",))]
    assert [(t.token, t.user, t.created_ms) for t in token_records(line.view)] == [
        ("t1", "ann", 1000)
    ]
    assert line(RevokeToken("t1")) is None
    assert token_records(line.view) == []
    assert rights_state(line.view).generation == 4


def test_a_user_that_goes_takes_the_tokens_along(line):
    line(PutUser("ann", ()))
    line(PutUser("bob", ()))
    line(TOKEN)
    line(replace(TOKEN, token="t2", user="bob"))
    assert line(DropUser("ann")) is None
    assert [t.token for t in token_records(line.view)] == ["t2"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (PutUser("ann", ("pilot",)), "no role 'pilot'"),
        (PutUser("a/b", ()), "is not 1-63"),
        (PutRole("admin", ()), "is what it is"),
        (DropRole("clerk"), "held by ann"),
        (DropRole("pilot"), "no role"),
        (DropUser("bob"), "no user"),
        (replace(TOKEN, user="bob"), "no user"),
        (replace(TOKEN, hash=b"short"), "no client"),
        (TOKEN, "already"),
        (RevokeToken("t9"), "no token"),
        (
            PutRole("x", (replace(parse_grant("a:read"), collection="no such/name"),)),
            "is not 1-128",
        ),
    ],
)
def test_what_makes_no_sense_has_no_effect(line, command, why):
    line(PutRole("clerk", ()))
    line(PutUser("ann", ("clerk",)))
    line(TOKEN)
    before = dict(line.view.rows)
    failed = line(command)
    assert why in failed.message
    assert line.view.rows == before


def test_rights_are_switched_on_only_while_somebody_can_switch_them_off(line):
    assert "give a user the role admin" in line(SwitchRights(True)).message
    line(PutUser("root", ("admin",)))
    assert line(SwitchRights(True)) is None
    for last in (DropUser("root"), PutUser("root", ())):
        assert "nobody could administer" in line(last).message
    line(PutRole("chief", (parse_grant(f"{CLUSTER}:admin"),)))
    line(PutUser("ann", ("chief",)))
    assert line(DropUser("root")) is None
    assert "nobody could administer" in line(PutRole("chief", ())).message
    assert [role.grants for role in role_records(line.view)][1]
    assert line(SwitchRights(False)) is None
    assert line(DropUser("ann")) is None


def test_tokens_are_limited(line, monkeypatch):
    monkeypatch.setattr("plait.types.control_rights.TOKENS_MAX", 2)
    line(PutUser("ann", ()))
    assert [line(replace(TOKEN, token=f"t{i}")) is None for i in range(3)] == [True, True, False]
    assert TOKENS_MAX == 10_000


@pytest.mark.parametrize(
    "text",
    [
        "orders:read",
        "orders/eu-:read,write",
        "log*:write",
        "*:read",
        "@cluster:admin",
        "a/b/c:d/e:read",
    ],
)
def test_a_grant_reads_as_it_was_written(text):
    assert show_grant(parse_grant(text)) == text


@pytest.mark.parametrize(
    "text", ["orders", "orders:", "orders:fly", ":read", "or ders:read", "@other:read",
             "@cluster/x:read", "orders/eu:admin"]
)  # fmt: skip
def test_a_grant_that_grants_nothing_is_refused(text):
    with pytest.raises(BadSettings):
        parse_grant(text)


def test_grants_add_up_by_collection_and_right():
    some = allowed("orders/eu-:read,write", "orders/us-:read", "log*:write", "prices:read")
    assert some.reads("orders") == ("eu-", "us-")
    assert some.writes("orders") == ("eu-",)
    assert some.writes("log2026") == EVERY
    assert some.reads("log2026") == ()
    assert some.reads("prices") == EVERY
    assert not some.administers("orders")
    assert some.sees("log1")
    assert not some.sees("other")


def test_a_star_does_not_stand_for_the_cluster():
    assert not allowed("*:read,write,admin").administers(CLUSTER)
    assert allowed("*:read,write,admin").administers("anything")
    assert allowed("@cluster:admin").administers(CLUSTER)
    assert not allowed("@cluster:admin").sees("anything")


@pytest.mark.parametrize("prefix", ["a", "eu-", "z\ud7ff", "a\U0010fffe", "€"])
def test_a_range_of_a_prefix_is_within_it_and_any_wider_one_is_not(prefix):
    stop = after_prefix(prefix)
    assert after(prefix) == stop
    assert range_within(prefix, stop, (prefix,))
    assert range_within(prefix + "x", stop, ("other", prefix))
    assert not range_within(prefix, None, (prefix,))
    assert not range_within("", stop, (prefix,))
    assert not range_within(prefix, stop + "x", (prefix,))
    assert range_within("", None, EVERY)
    assert not range_within(prefix, stop, ())
