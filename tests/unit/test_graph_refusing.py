"""Refusing what a peer may not write: what is refused, when that is said, who may say what."""

import os
from collections.abc import Callable

import pytest
from graph_pair import FOUNDER, SECOND, THIRD, trio
from graph_rights_world import LOG, NEVER, RightsWorld, run_rights

from plait.base.errors import NotAllowed, PlaitError
from plait.graph import links, serving
from plait.graph.event import ADMIT, BEAT, OPENED, RETIRE, TOGETHER, VOID, Batch, Op
from plait.graph.members import Members
from plait.graph.messages import Ops, Vector, decode_message
from plait.graph.notices import Verdict
from plait.graph.voids import Voids, void_op
from plait.graph.warrants import FOLLOWS, TOGETHER_WITH, is_own_to_say, owns, refused_of

FIRST, LAST = (int(n) for n in os.environ.get("GRAPH_RIGHTS_SEEDS", "0:60").split(":"))


class Ann:
    name = "client/ann"
    everything = False

    def refuses(self, key: str) -> str | None:
        return None if key.startswith("ours/") else "ann lacks write on notes"


def batch(*keys: str, together: bool = False) -> Batch:
    ops = [Op(key, ("n:count",), ["inc", 1]) for key in keys]
    more = [Op("", (TOGETHER,), None)] if together else []
    return Batch(SECOND, 5, 1, (), (*ops, *more))


# ----------------------------------------------------------------------------- what is refused


def test_an_operation_is_refused_by_the_document_that_it_is_on() -> None:
    refused = refused_of(batch("ours/a", "theirs/b", "ours/c"), Ann(), ())
    assert refused == {(SECOND, 6): ("ann lacks write on notes", "theirs/b")}


def test_a_change_of_several_documents_is_refused_as_a_whole() -> None:
    refused = refused_of(batch("ours/a", "theirs/b", together=True), Ann(), ())
    assert refused == {
        (SECOND, 5): (TOGETHER_WITH, "ours/a"),
        (SECOND, 6): ("ann lacks write on notes", "theirs/b"),
    }
    assert refused_of(batch("ours/a", "ours/b", together=True), Ann(), ()) == {}


def test_what_was_built_on_a_refused_edit_is_refused_with_it() -> None:
    refused = refused_of(batch("ours/a", "ours/b"), Ann(), {"ours/b"})
    assert refused == {(SECOND, 6): (FOLLOWS, "ours/b")}


def test_an_author_that_has_heard_of_a_refusal_is_not_held_to_it() -> None:
    voids = Voids()
    voids.refuse((SECOND, 3), "no", "k")
    assert voids.unheard(SECOND, {FOUNDER: 99}) == {"k"}, "nobody can have heard of it yet"
    voids.void((SECOND, 3), voids.known[SECOND, 3]._replace(by=(FOUNDER, 7)), applied=False)
    assert voids.unheard(SECOND, {FOUNDER: 6}) == {"k"}
    assert voids.unheard(SECOND, {FOUNDER: 7}) == set()
    assert voids.unheard(THIRD, {}) == set()


def test_a_peer_says_of_the_members_only_what_concerns_itself() -> None:
    members = Members(FOUNDER)
    members.admit(SECOND, "client/ann", (FOUNDER, 1))
    members.admit(THIRD, "client/bob", (FOUNDER, 2))

    def may(path: str, body: object) -> bool:
        return is_own_to_say(Op("", (path,), body), Ann(), members, "client")

    assert may(BEAT, None)
    assert may(OPENED, 7)
    assert may(RETIRE, [SECOND, 9])
    assert not may(RETIRE, [THIRD, 9])
    assert not may(RETIRE, [FOUNDER, 9])
    assert not may(RETIRE, [77, 9])
    assert not may(ADMIT, [77, "x"])
    assert not may(VOID, [FOUNDER, 1, "no", "k"])
    assert owns(Ann(), members, 77, "client")
    assert not owns(Ann(), members, THIRD, "client")
    assert not owns(Ann(), members, FOUNDER, "client")


# ----------------------------------------------------------------------------- voids before events


def test_a_refusal_that_is_heard_of_before_its_event_is_believed_at_once() -> None:
    a, b, c = trio()
    bad = a.add(b"bad")
    b.scope.voids.refuse((FOUNDER, bad.first), "no", "k")
    said = b.write()
    b.receive(bad)
    cause = b.add(b"x")
    assert c.receive(bad, cause, said)
    assert c.elements == {b"x"}
    assert not c.scope.owed(), "who refused it has said so"


def test_who_believes_a_refusal_that_waits_says_it_as_well() -> None:
    a, b, c = trio()
    bad = a.add(b"bad")
    b.scope.voids.refuse((FOUNDER, bad.first), "no", "k")
    b.add(b"x")  # what c lacks
    said = b.write(void_op((FOUNDER, bad.first), "no", "k"))
    c.receive(said)
    c.receive(bad)
    assert c.elements == set()
    assert [op.path for op in c.scope.owed()] == [(VOID,)]
    a.receive(c.write())
    assert a.elements == set()


def test_a_refusal_is_remembered_until_everybody_has_the_event_too() -> None:
    voids = Voids()
    voids.refuse((SECOND, 3), "no", "k")
    voids.void((SECOND, 3), voids.known[SECOND, 3]._replace(by=(FOUNDER, 7)), applied=False)
    voids.drop({FOUNDER: 7, SECOND: 2})
    assert list(voids.known) == [(SECOND, 3)]
    voids.drop({FOUNDER: 7, SECOND: 3})
    assert not voids.known
    assert voids.unheard(SECOND, {}) == set()


# ----------------------------------------------------------------------------- worlds


def quiet(guests: int = 1) -> RightsWorld:
    world = RightsWorld(1, guests=guests)
    world.connect("m0", "m1")
    world.connect("m1", "m2")
    world.connect("m0", "m2")
    world.connect("m0", "g0")
    world.settle(world.converged)
    world.run()
    return world


def write(world: RightsWorld, key: str, element: bytes) -> None:
    assert world.machines["g0"].write([Op(key, LOG, ["add", element])])


def test_the_refusal_leaves_before_the_event_and_before_it_is_acknowledged() -> None:
    world = quiet()
    said: list[tuple[str, str]] = []
    send = world.send

    def spy(source: str, target: str, data: bytes) -> None:
        message = decode_message(data)
        if source == "m0" and isinstance(message, Ops):
            for one in message.batches:
                kind = "event" if one.ops[0].key else "".join(one.ops[0].path)
                said.append((target, kind))
        elif source == "m0" and isinstance(message, Vector) and target == "g0":
            said.append((target, "seen"))
        send(source, target, data)

    world.send = spy  # type: ignore[method-assign]
    write(world, NEVER, b"bad")
    world.settle(lambda: False, 2.0)
    assert [kind for target, kind in said if target == "m1"][:2] == ["void", "event"]
    assert [kind for target, kind in said if target == "g0"][:2] == ["void", "seen"]


def test_a_node_that_dies_before_it_has_told_tells_when_it_is_back() -> None:
    world = quiet()
    write(world, NEVER, b"bad")
    guest, node = world.machines["g0"], world.machines["m0"]
    guest.flush()
    while world.deliver("g0", "m0"):
        pass
    node.disk.rows += node.rows  # on disk, and nobody was told
    node.rows, node.outbox = [], []
    world.crash(node)
    for name in ("m1", "m2", "g0"):
        world.connect("m0", name)
    world.settle(world.converged, 20.0)
    assert world.converged()
    dots = [found.dot for found in guest.findings if isinstance(found, Verdict)]
    assert len(dots) == 1
    assert all(machine.fold.items(NEVER, LOG) == set() for machine in world.machines.values())


def test_a_node_that_dies_before_anything_is_on_disk_is_told_again_and_refuses_again() -> None:
    world = quiet()
    write(world, NEVER, b"bad")
    guest, node = world.machines["g0"], world.machines["m0"]
    guest.flush()
    while world.deliver("g0", "m0"):
        pass
    world.crash(node)
    world.connect("m1", "g0")
    world.settle(world.converged, 20.0)
    dots = [found.dot for found in guest.findings if isinstance(found, Verdict)]
    assert len(dots) == 1
    assert all(machine.fold.items(NEVER, LOG) == set() for machine in world.machines.values())


def test_what_is_allowed_goes_on_behind_what_is_refused() -> None:
    world = quiet()
    for number in range(20):
        write(world, NEVER if number % 2 else "k0", b"%d" % number)
    world.settle(world.converged, 20.0)
    kept = {b"%d" % number for number in range(0, 20, 2)}
    for machine in world.machines.values():
        assert machine.fold.items("k0", LOG) == kept
        assert machine.fold.items(NEVER, LOG) == set()


def test_what_was_refused_stays_refused_whatever_is_granted_later() -> None:
    world = quiet()
    world.allowed.discard("k1")
    write(world, "k1", b"before")
    world.settle(world.converged, 5.0)
    world.allowed.add("k1")
    world.connect("m1", "g0")
    write(world, "k1", b"after")
    world.settle(world.converged, 5.0)
    for machine in world.machines.values():
        assert machine.fold.items("k1", LOG) == {b"after"}


def test_an_edit_that_had_not_heard_of_a_refusal_shares_its_fate() -> None:
    world = quiet()
    world.allowed.discard("k1")
    write(world, "k1", b"one")
    world.machines["g0"].flush()
    while world.deliver("g0", "m0"):
        pass
    assert world.machines["m0"].scope.voids.known, "it is judged, and its author has not heard"
    world.allowed.add("k1")
    write(world, "k1", b"two")
    world.settle(world.converged, 5.0)
    for machine in world.machines.values():
        assert machine.fold.items("k1", LOG) == set()


def test_what_a_peer_says_in_anothers_name_is_not_believed() -> None:
    world = quiet(guests=2)
    world.connect("m0", "g1")
    world.settle(world.converged)
    guest, other = world.machines["g0"], world.machines["g1"]
    forged = Batch(other.scope.replica, other.scope.next_seq, 1 << 50, (), batch("k0").ops)
    node = world.machines["m0"]
    peer = node.exchange.peers["g0"]
    node.exchange.asking.refusing.hear(peer, [forged], {}, 0)
    assert node.exchange.asking.refusing.take() == []
    world.cut("m0", "g0")
    guest.scope.replica = node.scope.replica
    world.connect("m0", "g0")
    with pytest.raises(NotAllowed):
        world.run()


@pytest.mark.turns(2)
@pytest.mark.parametrize("block", range(FIRST, LAST, 10))
def test_worlds_with_guests_converge_and_nobody_sees_what_is_refused(block: int) -> None:
    for seed in range(block, min(block + 10, LAST)):
        try:
            run_rights(seed, history="forever" if seed % 3 == 2 else "stable")
        except (AssertionError, PlaitError) as error:
            raise AssertionError(
                f"GRAPH_RIGHTS_SEEDS={seed}:{seed + 1} pytest tests/unit/test_graph_refusing.py:"
                f" {error}"
            ) from error


def believe_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Voids, "foretell", lambda voids, batches, vector: None)


def pass_events_on_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (links, serving):
        monkeypatch.setattr(module, "with_refusals", lambda scope, batches, has: list(batches))


@pytest.mark.parametrize("mistake", [believe_nothing, pass_events_on_alone])
def test_worlds_with_guests_find_a_planted_mistake(
    mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)
    for seed in range(270, 330):
        try:
            run_rights(seed)
        except Exception:
            return
    pytest.fail("no world found it")
