"""Writing anew what was lost with an id that was given up, by what it was meant to do.

Before the state is thrown away what is owed is noted (`owed` says what that is). On the state that
was adopted, what of it counts there is left alone. Of the rest counts are added again, registers
are set again, and every other operation is told again as it was: its event has now seen more, which
is all that its types look at. Where somebody else has set a register meanwhile, or it was set here
since, the later stamp stands; the other is noted for people. Texts and lists: see
`plait.engines.graph.reissue_sequences`.

Absent: what cannot be done any more (a spend whose rights are gone). It is logged with its key.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from plait.base.causality import Dot
from plait.base.errors import PlaitError
from plait.engines.graph.owed import Intent, decode_owed, encode_owed, unsettled
from plait.engines.graph.parts import Parts
from plait.engines.graph.reissue_sequences import intents_of, mutations_of, parted
from plait.graph.event import APPLY, CLEAR, Batch, Op
from plait.types.graph_type import Mutation
from plait.types.paths import Path, tag_of

logger = logging.getLogger("plait.graph")

_COUNTERS = ("c", "gc", "b")
_REGISTERS = ("r", "m", "q")
_LIST = "l"
_SEQUENCES = ("x", _LIST)


class Writing(Protocol):
    """The replica, as far as it is needed here."""

    def write_mutation(self, key: str, path: Path, mutation: Mutation) -> Dot | None:
        """Prepare and apply; the event."""
        ...

    def write_clear(self, key: str, path: Path) -> None:
        """Reset everything at and below the path."""
        ...

    def write_op(self, op: Op) -> None:
        """Apply as it is."""
        ...

    def fate(self, dot: Dot) -> bool | None:
        """Whether an event counts here, or will; None if that is not known."""
        ...

    def object_state(self, key: str, path: Path) -> Any | None:
        """The state of an object."""
        ...


def gather(parts: Parts, lost: tuple[Batch, ...], forked: bool) -> bytes:
    """What is owed when the id is given up, as bytes that survive a restart.

    lost: the own batches that do not count for whoever said so. The others are owed as well, and
    those of earlier ids: whether they count is only known when a state was adopted. `forked`:
    others know the lost ones' dots as something else, and another process owes the rest.
    """
    stable = parts.scope.stable
    earlier = (*decode_owed(parts.lost), *parts.entrusted)
    again = tuple(_intents(parts, _own(parts, lost, forked), lost, forked))
    return encode_owed(unsettled((*earlier, *again), stable))


def _own(parts: Parts, lost: tuple[Batch, ...], forked: bool) -> list[Batch]:
    """The retained own batches, of this id and those before it."""
    me, formers = parts.scope.replica, parts.hard.formers
    mine = [batch for batch in lost if batch.replica == me] if forked else []
    since = parts.scope.history.since(parts.scope.stable)
    authors = formers if forked else (*formers, me)
    return [*(batch for batch in since if batch.replica in authors), *mine]


def _intents(
    parts: Parts, own: Sequence[Batch], lost: tuple[Batch, ...], forked: bool
) -> Iterator[Intent]:
    me = parts.scope.replica
    beyond = {(batch.replica, batch.first) for batch in lost}
    # what counts together: an author's operations up to where others know them, and those beyond
    sequences: dict[tuple[str, Path, bool], dict[tuple[int, bool], list[Dot]]] = {}
    for batch in own:
        author = batch.replica
        known = not (forked and author == me)
        group = (author, (author, batch.first) in beyond)
        for seq, op in enumerate(batch.ops, batch.first):
            if known and (author, seq) in parts.scope.voids.known:
                continue  # it was refused, and its person was told
            if op.kind == APPLY and op.path and tag_of(op.path[-1]) in _SEQUENCES:
                groups = sequences.setdefault((op.key, op.path, known), {})
                groups.setdefault(group, []).append((author, seq))
            elif op.key:
                dots = ((author, seq),) if known else ()
                yield Intent(batch.hlc, op.key, op.path, op.kind, op.body, dots, group[1])
    for (key, path, known), groups in sequences.items():
        state = parts.shelf.object(key, path)
        for body, every in intents_of(state, list(groups.values())):
            last = dict(every) if known else {}
            never = all((author, True) in groups for author in last)
            yield Intent(0, key, path, APPLY, body, tuple(last.items()), never)


class Outcome(NamedTuple):
    """What came of what is owed."""

    left: list[str]  # not written anew, for people
    there: tuple[Intent, ...]  # counts as it is
    waits: tuple[Intent, ...]  # nobody here knows yet whether it counts


def reissue(replica: Writing, data: bytes) -> Outcome:
    """Do again what never counts."""
    left: list[str] = []
    there: list[Intent] = []
    waits: list[Intent] = []
    done: set[Dot] = set()
    for intent in decode_owed(data):
        fates = [replica.fate(dot) for dot in intent.dots]
        if fates and all(fates):
            there.append(intent)
            continue
        if None in fates and not intent.beyond:
            waits.append(intent)
            continue
        lost, kept = _divided(intent, replica)
        there += kept
        for one in lost:
            where = f"{one.key} {'/'.join(one.path)}"
            try:
                if not _again(replica, one, done):
                    left.append(f"{where}: a later write stands, not {_value(one)!r}")
            except PlaitError as error:
                left.append(f"{where}: {error}")
    return Outcome(left, tuple(there), tuple(waits))


def _divided(intent: Intent, replica: Writing) -> tuple[list[Intent], list[Intent]]:
    """What of it is to be done again, and what counts: a list may be both."""
    if not intent.dots or intent.kind != APPLY or tag_of(intent.path[-1]) != _LIST:
        return [intent], []
    lost, there = parted(intent.body, lambda dot: replica.fate(dot) is True)
    replace = msgspec.structs.replace
    return (
        [replace(intent, body=lost)] if lost else [],
        [replace(intent, body=there)] if there else [],
    )


def _again(replica: Writing, intent: Intent, done: set[Dot]) -> bool:
    """Do one again; False if a later write stands. `done`: the registers that were set again."""
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
        if _overtaken(replica.object_state(intent.key, intent.path), intent.hlc, done):
            return False
        dot = replica.write_mutation(intent.key, intent.path, ("set", value[0]))
        if dot is not None:
            done.add(dot)
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


def _overtaken(state: Any, hlc: int, done: Collection[Dot]) -> bool:
    """Whether it was assigned later, and not just now, again. (What was seen is no later.)"""
    if state is None:
        return False
    return any(
        dot not in done and type(cell[0]) is int and cell[0] > hlc
        for cells in state.slots.values()
        for dot, cell in cells.items()
    )
