"""What a line's members are driven to, and when that is not known yet."""

from types import SimpleNamespace
from typing import Any

from plait.line.membership import Membership, Target
from plait.line.replication.vocabulary import Reconfigure
from plait.node.placement import Placement

WANTED = Membership(("a", "b"), learners=("c",))
POSITION = 7  # of the entry that says so


def driven(applied: int, readers: tuple[str, ...]) -> list[Target]:
    """Where a line of a, b and c is driven by a node that has applied so much of the control
    line, and knows these readers by that."""
    targets: list[Target] = []

    def step(event: Reconfigure) -> None:
        targets.append(event.target)

    member = SimpleNamespace(membership=WANTED, commit=POSITION + 1, membership_position=POSITION)
    control = SimpleNamespace(
        group=SimpleNamespace(loglet=SimpleNamespace(member=member)),
        replica=SimpleNamespace(applied=applied),
        leads=True,
    )
    loglet = SimpleNamespace(
        membership=Membership(("a", "b", "c")),
        reconfiguration_refusal=lambda target: None,
        driver=SimpleNamespace(step=step),
    )
    line = SimpleNamespace(group=SimpleNamespace(line="l", loglet=loglet), leads=True)
    node: Any = SimpleNamespace(
        name="a",
        control=control,
        followers=SimpleNamespace(readers=readers),
        hosts=lambda: [control, line],
    )
    Placement(node).watch()
    return targets


def test_a_reader_stays_where_it_is_known_for_one() -> None:
    assert [(t.voters, t.learners) for t in driven(POSITION + 1, ("c",))] == [(("a", "b"), ("c",))]


def test_who_leaves_is_let_go() -> None:
    assert [(t.voters, t.learners) for t in driven(POSITION + 1, ())] == [(("a", "b"), ())]


def test_nobody_is_let_go_before_it_is_known_who_only_reads() -> None:
    """The membership counts as soon as it is in the log; who reads is said by what was applied."""
    assert driven(POSITION, ()) == []
