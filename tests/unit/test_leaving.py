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
    """Lacks something for so many looks (-1: for ever), and hears the node until some look."""

    def __init__(self, lacks: int, deaf_from: int = 1 << 30) -> None:
        self.lacks, self.deaf_from, self.looks = lacks, deaf_from, 0

    def has_all_of(self, peer: str) -> bool:
        assert peer == "n3"
        self.looks += 1
        return self.lacks >= 0 and self.looks > self.lacks

    def hears(self, peer: str) -> bool:
        return self.looks < self.deaf_from


DEAF = 0


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "LOOK_S", 0.0)


class Handover:
    """A node with `replicas` lets n3 go, which confirms that after `unknown_s`."""

    def __init__(self, *replicas: Syncing, unknown_s: float = 0.0, lacking: int = 0) -> None:
        held = [
            SimpleNamespace(name=f"docs{i}", syncing=syncing) for i, syncing in enumerate(replicas)
        ]
        infos = [SimpleNamespace(name=f"docs{i}") for i in range(len(replicas) + lacking)]
        graphs = SimpleNamespace(infos=lambda: infos, replicas=lambda: held)
        self.clock, self.unknown_s = Clock(), unknown_s
        self.leader = SimpleNamespace(
            name="n1", clock=self.clock, graphs=graphs, membership=Membership(("n1", "n2"))
        )

    async def left(self, until_s: float = 60.0) -> list[str]:
        return await take_over(self.leader, "n3", self._knows, 100.0 + until_s)

    def _knows(self) -> bool:
        return self.waited_s >= self.unknown_s

    @property
    def waited_s(self) -> float:
        return self.clock.now - 100.0


async def test_without_documents_a_node_leaves_at_once():
    handover = Handover()
    assert await handover.left() == []
    assert handover.waited_s == 0.0


async def test_a_node_leaves_once_its_documents_have_been_here_for_a_while():
    late = Syncing(20)
    handover = Handover(Syncing(0), late)
    assert await handover.left() == []
    assert handover.waited_s == pytest.approx(1.0 + leaving.COMPARED_S, abs=0.2)
    assert late.looks > late.lacks


async def test_what_a_node_acknowledged_before_it_knew_that_it_leaves_is_waited_for():
    handover = Handover(Syncing(0), unknown_s=2.0)
    assert await handover.left() == []
    assert handover.waited_s == pytest.approx(2.0 + leaving.COMPARED_S, abs=0.2)


async def test_a_node_that_never_confirms_is_not_waited_for_long_and_that_is_said():
    handover = Handover(Syncing(0), Syncing(0), unknown_s=1e9)
    assert await handover.left() == ["docs0", "docs1"]
    assert handover.waited_s == pytest.approx(leaving.WAIT_S, abs=0.2)


async def test_a_node_that_cannot_be_heard_is_not_waited_for_long_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
):
    handover = Handover(Syncing(-1, DEAF), Syncing(0))
    assert await handover.left() == ["docs0"]
    assert handover.waited_s == pytest.approx(leaving.WAIT_S, abs=0.2)
    assert "docs0" in caplog.text
    handover = Handover(Syncing(-1, DEAF))
    assert await handover.left(until_s=1.0) == ["docs0"]
    assert handover.waited_s == pytest.approx(1.0, abs=0.2)


async def test_a_node_that_hands_over_slowly_is_waited_for_as_long_as_the_operator_does():
    slow = Syncing(200)
    handover = Handover(slow)
    assert await handover.left() == []
    assert handover.waited_s > 10.0
    handover = Handover(Syncing(-1))
    with pytest.raises(Unavailable, match="still handing over the documents docs0"):
        await handover.left(until_s=20.0)
    assert handover.waited_s == pytest.approx(20.0, abs=0.2)


async def test_a_node_that_dies_while_it_hands_over_takes_something_with_it_and_that_is_said():
    handover = Handover(Syncing(-1, deaf_from=100))
    assert await handover.left() == ["docs0"]
    assert handover.waited_s == pytest.approx(5.0 + leaving.WAIT_S, abs=0.5)


async def test_documents_that_this_node_does_not_hold_yet_are_not_taken_over():
    assert await Handover(Syncing(0), lacking=1).left() == ["docs1"]


async def test_a_witness_lets_a_node_go_once_that_has_confirmed_it():
    handover = Handover(lacking=2, unknown_s=1.0)
    handover.leader.membership = Membership(("n1", "n2"), witnesses=("n1",))
    assert await handover.left() == []
    assert handover.waited_s == pytest.approx(1.0 + leaving.COMPARED_S, abs=0.2)


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
