from types import SimpleNamespace

import pytest

from plait.base.errors import Unavailable
from plait.line.membership import Membership
from plait.node import leaving
from plait.node.leaving import check_stays, take_over


class Clock:
    """Every look at it takes a while."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        self.now += 0.05
        return self.now


class Syncing:
    """Has everything after `lacks` looks; -1: never."""

    def __init__(self, lacks: int) -> None:
        self.lacks, self.looks = lacks, 0

    def has_all_of(self, peer: str) -> bool:
        assert peer == "n3"
        self.looks += 1
        return self.lacks >= 0 and self.looks > self.lacks


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "LOOK_S", 0.0)


async def waited_s(*replicas: Syncing, infos: int = 1, until_s: float = 60.0) -> float:
    held = [SimpleNamespace(syncing=syncing) for syncing in replicas]
    graphs = SimpleNamespace(infos=lambda: [None] * infos, replicas=lambda: held)
    clock = Clock()
    await take_over(SimpleNamespace(clock=clock, graphs=graphs), "n3", 100.0 + until_s)
    return clock.now - 100.0


async def test_without_documents_a_node_leaves_at_once():
    assert await waited_s(infos=0) == 0.0


async def test_a_node_leaves_once_its_documents_have_been_here_for_a_while():
    late = Syncing(20)
    assert await waited_s(Syncing(0), late) == pytest.approx(1.0 + leaving.COMPARED_S, abs=0.2)
    assert late.looks > late.lacks


async def test_a_node_that_cannot_be_heard_is_not_waited_for_long():
    assert await waited_s(Syncing(-1)) == pytest.approx(leaving.WAIT_S, abs=0.2)
    assert await waited_s(Syncing(-1), until_s=1.0) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize(
    ("voters", "left", "stays"),
    [(("n1", "n2"), False, True), (("n1",), False, False), ((), False, False),
     (("n1", "n2"), True, False)],
)  # fmt: skip
def test_only_a_node_with_a_vote_that_no_peer_calls_gone_keeps_clients(voters, left, stays):
    node = SimpleNamespace(
        name="n2", membership=Membership(voters), links={"n1": SimpleNamespace(left=left)}
    )
    if stays:
        check_stays(node)
    else:
        with pytest.raises(Unavailable):
            check_stays(node)
