"""Whatever a peer says, a Raft core stays possible: it answers, ignores, or raises `BadFrame`."""

import typing
from random import Random
from typing import Any

import pytest

from plait.base.errors import BadFrame
from plait.line.entry import Entry, Epoch
from plait.line.membership import founding
from plait.line.raft import invariants
from plait.line.raft import messages as m
from plait.line.raft.core import RaftCore
from plait.line.raft.member import HardState
from plait.line.raft.opening import opened
from plait.line.replication.vocabulary import Persist, Persisted, Received, Timer

KINDS = (
    m.Append, m.AppendReply, m.RequestVote, m.Vote, m.Vote, m.TimeoutNow, m.ReadIndex,
    m.ReadIndexReply, m.Superseded,
)  # fmt: skip


def anything(core: RaftCore, random: Random) -> Any:
    """A message with legal types and any values, terms near the core's own."""
    kind = random.choice(KINDS)
    fields: dict[str, Any] = {}
    for name, wanted in typing.get_type_hints(kind).items():
        epoch = Epoch(random.choice([0, 1, 2, 3]), random.choice("abc"))
        if name == "entries":
            entry = Entry(b"x").stamped(epoch, 0).encode()
            fields[name] = (entry,) * random.randint(0, 2)
        elif name in ("asked", "term") and random.random() < 0.7:
            fields[name] = core.member.term + bool(getattr(core.role, "pre", False))
        elif wanted is int:
            fields[name] = random.choice([-3, -1, 0, 1, 2, 7, 1 << 40])
        elif wanted is bool:
            fields[name] = random.random() < 0.3
        else:
            fields[name] = {str: "line", float: 0.0, Epoch: epoch}.get(wanted)
    return kind(**fields)


@pytest.mark.parametrize("chunk", range(4))
def test_a_core_survives_what_a_peer_makes_up(chunk: int) -> None:
    for seed in range(chunk, 1200, 4):
        random, now = Random(seed), 0.0
        hard = HardState(fresh=False, memberships=((-1, founding("abc")),))
        core = opened("line", "a", hard, 0, 0, 0, random, now)
        for _ in range(40):
            now += random.random() * 0.3
            late = random.random() < 0.3 and now >= core.deadline
            event = Timer() if late else Received(random.choice("bc"), anything(core, random))
            try:
                effects = core.step(event, now)
            except BadFrame:
                continue
            for effect in effects:
                if isinstance(effect, Persist):
                    core.step(Persisted(effect.token), now)
            invariants.check(core)
