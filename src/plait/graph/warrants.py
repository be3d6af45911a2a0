"""What a peer may write that is not trusted with everything, and what becomes of its batches.

A peer that was linked with a *warrant* (a client; a node never has one) is asked for its own stream
only, and each batch of it is judged before it is received. Who may write every document is trusted
with the rest as well: with what others wrote, and with deltas and states.

An operation on a document that the warrant does not cover is refused, and so is what its author did
to that document before it heard of that: it was made for something that never was. A batch that
says `TOGETHER` (a change of several documents) is refused as a whole.

Operations on the scope itself cannot be refused; a batch with one that is not the peer's to say is
not taken at all, nor is what follows it. No honest replica writes such a thing.

Invariant: what is refused once stays refused, whatever the warrant says later.
"""

from collections.abc import Container
from typing import Protocol

from plait.base.causality import Dot
from plait.graph.event import BEAT, OPENED, RETIRE, TOGETHER, Batch, Op
from plait.graph.members import Members

FOLLOWS = "it follows an edit that was refused"
TOGETHER_WITH = "it is of one change with an edit that was refused"

Refusals = dict[Dot, tuple[str, str]]  # reason and document


class Warrant(Protocol):
    """Who is behind a peer. Asked anew for every batch: rights change while a link stands."""

    @property
    def name(self) -> str:
        """What the replicas of this user are admitted as; "" while nobody is asked who they are."""
        ...

    @property
    def everything(self) -> bool:
        """Whether every document may be written."""
        ...

    def refuses(self, key: str) -> str | None:
        """Why a document may not be written; None if it may."""
        ...


def owns(warrant: Warrant, members: Members, replica: int, anybodys: str) -> bool:
    """Whether a replica is this user's: not admitted yet, or admitted as theirs (or, before anybody
    was asked who they are, under the name that all guests had)."""
    return members.names.get(replica, warrant.name) in (warrant.name, anybodys)


def is_own_to_say(op: Op, warrant: Warrant, members: Members, anybodys: str) -> bool:
    """Whether an operation on the scope itself is the peer's to say."""
    match op.path[0] if op.path else "", op.body:
        case name, _ if name in (BEAT, OPENED, TOGETHER):
            return True
        case name, [int(retired), int()] if name == RETIRE:
            # of oneself, or how much of a retired one was here
            return retired in members.retired or (
                retired in members.names and owns(warrant, members, retired, anybodys)
            )
    return False


def refused_of(batch: Batch, warrant: Warrant, unheard: Container[str]) -> Refusals:
    """What of a batch is refused. `unheard`: documents where something of its author was refused
    that it had not heard of when it wrote this."""
    reasons: dict[str, str | None] = {}
    found: Refusals = {}
    for seq, op in enumerate(batch.ops, batch.first):
        if not op.key:
            continue
        if op.key not in reasons:
            reasons[op.key] = FOLLOWS if op.key in unheard else warrant.refuses(op.key)
        reason = reasons[op.key]
        if reason is not None:
            found[batch.replica, seq] = (reason, op.key)
    if found and any(not op.key and op.path == (TOGETHER,) for op in batch.ops):
        for seq, op in enumerate(batch.ops, batch.first):
            if op.key:
                found.setdefault((batch.replica, seq), (TOGETHER_WITH, op.key))
    return dict(sorted(found.items()))
