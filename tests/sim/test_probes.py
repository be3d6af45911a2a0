"""Probes see what is wrong inside, report it once and in words, and change nothing."""

import asyncio
from collections.abc import Iterator

import pytest

from plait.graph.event import Batch, Op
from plait.graph.fold import Fold
from plait.graph.scope import Scope
from plait.line.entry import Entry, Epoch
from plait.sim.config import Config
from plait.sim.graph_probe import GraphProbe
from plait.sim.line_truth import LineTruth
from plait.sim.loop import VirtualLoop
from plait.sim.probes import FOUND_MAX, Probes
from plait.sim.run import simulate
from plait.sim.workloads.mirrors import Mirrors
from plait.sim.world import World, run_world
from plait.types.shelf import Shelf


@pytest.fixture
def world() -> Iterator[World]:
    loop = VirtualLoop()
    yield World(1, loop, Config(1).paths, Config(1).disks)
    loop.close()


@pytest.fixture
def probes(world: World) -> Probes:
    return Probes(world)


def _row(number: int, text: bytes) -> bytes:
    return Entry(text, 1).stamped(Epoch(number, "n1"), 0).encode()


# ------------------------------------------------------------------------------- lines


def test_two_leaders_in_one_epoch_are_reported(probes: Probes) -> None:
    line = LineTruth("l", probes)
    line.leads("n1", 3)
    line.leads("n1", 3)
    assert not probes.found
    line.leads("n2", 3)
    assert probes.found == ["at 0.0000 s, l, n1, n2: both lead in 3"]


def test_what_was_committed_at_a_position_is_that_for_ever(probes: Probes) -> None:
    line = LineTruth("l", probes)
    line.committed("n1", 0, _row(1, b"x"))
    line.committed("n2", 0, _row(1, b"x"))
    assert not probes.found
    line.committed("n3", 0, _row(2, b"x"))
    assert "entry 0 was committed as one of 1.n1, and here it is one of 2.n1" in probes.found[0]


def test_a_line_that_accepts_loss_may_commit_otherwise(probes: Probes) -> None:
    line = LineTruth("l", probes)
    line.lossy = True
    line.committed("n1", 0, _row(1, b"x"))
    line.committed("n2", 0, _row(2, b"y"))
    assert not probes.found


def test_what_older_terms_committed_is_what_a_leader_must_have(probes: Probes) -> None:
    line = LineTruth("l", probes)
    line.ends |= {1: 4, 2: 9, 5: 20}
    assert [line.committed_before(term) for term in (1, 2, 5, 9)] == [0, 4, 9, 20]


def test_only_so_much_is_reported(probes: Probes) -> None:
    for number in range(2 * FOUND_MAX):
        probes.report("l", ("n1",), str(number))
    assert len(probes.found) == FOUND_MAX


# ------------------------------------------------------------------------------- graphs


class _NoRows:
    """A shelf with nothing on disk."""

    def get(self, key: bytes) -> bytes | None:
        return None

    def scan(self, start: bytes, stop: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        return []


class _Parts:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope


class _Replica:
    """As much of a replica as a probe looks at."""

    name = "pages"

    def __init__(self, number: int) -> None:
        fold: Fold = Shelf(_NoRows())
        self.parts = _Parts(Scope(1, number, 7, fold))

    def say(self, author: int, first: int, key: str) -> None:
        scope = self.parts.scope
        scope._deliver(Batch(author, first, first, (), (Op(key, ("r:x",), [1]),)), applied=False)


def _look(probe: GraphProbe, *replicas: _Replica) -> None:
    probe.look([(f"n{number}", replica) for number, replica in enumerate(replicas, 1)])  # type: ignore[misc]


def test_a_dot_that_names_two_events_is_reported(probes: Probes) -> None:
    author, one, other = _Replica(7), _Replica(8), _Replica(9)
    for replica in (author, one):
        replica.say(7, 1, "a")
    other.say(7, 1, "b")
    probe = GraphProbe(probes)
    _look(probe, author, one)
    assert not probes.found
    _look(probe, author, one, other)
    assert "dot 1 of 7 names different events" in probes.found[0]


def test_an_author_that_knows_less_of_itself_than_others_is_reported(probes: Probes) -> None:
    author, other = _Replica(7), _Replica(8)
    other.say(7, 1, "a")
    _look(GraphProbe(probes), author, other)
    assert "n2 has 1 events of n1, who knows only 0" in probes.found[0]


def test_a_vector_that_falls_is_reported(probes: Probes) -> None:
    author, other = _Replica(7), _Replica(8)
    author.say(7, 1, "a")
    other.say(7, 1, "a")
    probe = GraphProbe(probes)
    _look(probe, author, other)
    del other.parts.scope.vector[7]
    _look(probe, author, other)
    assert "its vector fell at author 7" in probes.found[0]


def test_what_a_member_has_not_seen_is_not_stable(probes: Probes) -> None:
    author, other = _Replica(7), _Replica(8)
    for replica in (author, other):
        replica.parts.scope.members.admit(8, "n2", (7, 1))
    author.say(7, 1, "a")
    author.parts.scope.stable[7] = 1
    _look(GraphProbe(probes), author, other)
    assert "takes event 1 of 7 for stable; n2 has not seen it" in probes.found[0]


def test_nothing_is_said_of_graphs_once_a_disk_was_lost(probes: Probes) -> None:
    author, other = _Replica(7), _Replica(8)
    other.say(7, 1, "a")
    probes.lost.add("n1")
    _look(GraphProbe(probes), author, other)
    assert not probes.found


# ------------------------------------------------------------------------------- whole worlds


def test_looking_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(3, faults={"kill": 1.0}, work_s=3.0)
    looked = simulate(config)
    monkeypatch.setattr(Probes, "look", lambda self: None)
    assert simulate(config).digest == looked.digest
    assert looked.ok


def test_a_callback_that_raises_is_reported() -> None:
    found: list[str] = []

    async def main(loop: VirtualLoop) -> None:
        probes = Probes(World(1, loop, Config(1).paths, Config(1).disks))
        loop.set_exception_handler(probes.unhandled)
        loop.call_soon(lambda: 1 // 0)
        await asyncio.sleep(1.0)
        found.extend(probes.found)

    run_world(main)
    assert len(found) == 1
    assert "ZeroDivisionError" in found[0]


def test_a_mirror_that_lags_is_reported(world: World) -> None:
    mirrors = Mirrors(world, Config(1))
    mirrors.asked["w0.0"] = 3
    mirrors.check("n1", "w0.0", 2, 2)
    mirrors.check("n1", "w0.0", 2, 3)
    assert not list(mirrors.judge())
    mirrors.check("n1", "w0.0", 2, 1)
    mirrors.check("n2", "w0.0", 2, 4)
    assert len(list(mirrors.judge())) == 2
