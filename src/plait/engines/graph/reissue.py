"""Writing anew what was lost with an id that was given up, by what it was meant to do.

Before the state is thrown away the lost operations are noted. On the state that was adopted counts
are added again, registers are set again, and every other operation is told again as it was: its
event has now seen more, which is all that its types look at. Where somebody else has set a register
meanwhile the two were concurrent, and the later stamp stands; the other is noted for people. Texts
and lists: see `plait.engines.graph.reissue_sequences`.

Absent: what cannot be done any more (a spend whose rights are gone). It is logged with its key.
"""

import logging
from typing import Any, Protocol

import msgspec

from plait.base.causality import Context, Dot, VersionVector, vector_of
from plait.base.codec import decode, encode
from plait.base.errors import PlaitError
from plait.engines.graph.parts import Parts
from plait.engines.graph.reissue_sequences import intent_of, mutations_of
from plait.graph.event import APPLY, CLEAR, Batch, Op
from plait.types.graph_type import Mutation
from plait.types.paths import Path, tag_of

logger = logging.getLogger("plait.graph")

_COUNTERS = ("c", "gc", "b")
_REGISTERS = ("r", "m", "q")
_SEQUENCES = ("x", "l")


class Intent(msgspec.Struct, frozen=True, array_like=True):
    """What one lost operation was to do."""

    hlc: int
    key: str
    path: tuple[str, ...]
    kind: int
    body: Any
    dot: tuple[int, int] | None = None  # where it may count after all


class Lost(msgspec.Struct, frozen=True, array_like=True):
    """Everything lost, and what had been seen by then."""

    vector: tuple[tuple[int, int], ...]
    intents: tuple[Intent, ...]


class Writing(Protocol):
    """The replica, as far as it is needed here."""

    def write_mutation(self, key: str, path: Path, mutation: Mutation) -> None:
        """Prepare and apply."""
        ...

    def write_clear(self, key: str, path: Path) -> None:
        """Reset everything at and below the path."""
        ...

    def write_op(self, op: Op) -> None:
        """Apply as it is."""
        ...

    @property
    def vector(self) -> VersionVector:
        """What counts here."""
        ...

    def object_state(self, key: str, path: Path) -> Any | None:
        """The state of an object."""
        ...


def gather(parts: Parts, lost: tuple[Batch, ...], forked: bool) -> bytes:
    """What the lost own batches were to do, as bytes that survive a restart.

    With them what earlier ids wrote here and may have told nobody: whether that counts is only
    known when the state was adopted.
    """
    me, formers = parts.scope.replica, parts.hard.formers
    written = [batch for batch in parts.scope.history.since({}) if batch.replica in formers]
    intents: list[Intent] = []
    sequences: dict[tuple[str, Path], list[Dot]] = {}
    for batch in (*written, *lost):
        if batch.replica != me and batch.replica not in formers:
            continue
        for seq, op in enumerate(batch.ops, batch.first):
            dot = (batch.replica, seq)
            counts = None if forked and batch.replica == me else dot
            if op.kind == APPLY and op.path and tag_of(op.path[-1]) in _SEQUENCES:
                sequences.setdefault((op.key, op.path), []).append(dot)
            elif op.key:
                intents.append(Intent(batch.hlc, op.key, op.path, op.kind, op.body, counts))
    for (key, path), dots in sequences.items():
        body = intent_of(parts.shelf.object(key, path), dots)
        counts = None if forked and dots[-1][0] == me else dots[-1]
        if body is not None:
            intents.append(Intent(0, key, path, APPLY, body, counts))
    earlier = decode(parts.lost, type=Lost).intents if parts.lost else ()
    if not intents and not earlier:
        return b""
    return encode(Lost(parts.scope.vector.pairs(), (*earlier, *intents)))


def reissue(replica: Writing, data: bytes) -> list[str]:
    """Do again what was lost; what was not done, for people."""
    lost = decode(data, type=Lost)
    seen = vector_of(lost.vector)
    left: list[str] = []
    for intent in lost.intents:
        if intent.dot is not None and replica.vector.contains(intent.dot):
            continue
        where = f"{intent.key} {'/'.join(intent.path)}"
        try:
            if not _again(replica, intent, seen):
                left.append(f"{where}: a later write stands, not {_value(intent)!r}")
        except PlaitError as error:
            left.append(f"{where}: {error}")
    return left


def _again(replica: Writing, intent: Intent, seen: Context) -> bool:
    op = Op(intent.key, intent.path, intent.body, intent.kind)
    if intent.kind == CLEAR:
        # prepared anew: it has seen more by now, and must say what that comes to
        replica.write_clear(intent.key, intent.path)
        return True
    if intent.kind != APPLY or not intent.path:
        replica.write_op(op)
        return True
    tag = tag_of(intent.path[-1])
    if tag in _COUNTERS and (amount := _amount(intent.body)) is not None:
        replica.write_mutation(intent.key, intent.path, ("add", amount))
    elif tag in _SEQUENCES:
        state = replica.object_state(intent.key, intent.path)
        for mutation in mutations_of(intent.body, state):
            replica.write_mutation(intent.key, intent.path, mutation)
    elif tag in _REGISTERS and (value := _value(intent)) is not None:
        if _overtaken(replica.object_state(intent.key, intent.path), intent.hlc, seen):
            return False
        replica.write_mutation(intent.key, intent.path, ("set", value[0]))
    else:
        replica.write_op(op)
    return True


def _amount(body: Any) -> int | None:
    """What was counted: `amount`, or `[amount]` where a run began."""
    if type(body) is list and len(body) == 1:
        body = body[0]
    return body if type(body) is int else None


def _value(intent: Intent) -> tuple[Any] | None:
    """What was assigned; None for any other operation."""
    body, tag = intent.body, tag_of(intent.path[-1]) if intent.path else ""
    if type(body) is not list:
        return None
    if tag == "r":
        return (body[0],) if len(body) == 1 else None
    return (body[1],) if len(body) >= 2 and body[0] == 0 else None


def _overtaken(state: Any, hlc: int, seen: Context) -> bool:
    """Whether somebody has assigned later without having been seen by then."""
    if state is None:
        return False
    return any(
        seq > seen.get(replica, 0) and type(cell[0]) is int and cell[0] > hlc
        for cells in state.slots.values()
        for (replica, seq), cell in cells.items()
    )
