"""Operations on the scope itself: who is a member, and what is void."""

from plait.base.causality import Context
from plait.graph.event import BEAT, REPLICA_MAX, SEQ_MAX, Event, Op
from plait.graph.members import Members
from plait.graph.notices import Verdict
from plait.graph.openings import opens
from plait.graph.voids import Refusal, Voids


def speaks(op: Op) -> bool:
    """Whether others say that they have seen it: it tells more than that its author is there."""
    return bool(op.key) or not (op.path == (BEAT,) or opens(op))


def govern(
    op: Op, event: Event, replica: int, vector: Context, members: Members, voids: Voids
) -> Verdict | None:
    """Carry out an operation on the scope itself at `replica`; one that makes no sense has no
    effect. A verdict if an event has become void by it."""
    match op.path[0] if op.path else "", op.body:
        case "admit", [int(admitted), str(name)] if 1 <= admitted <= REPLICA_MAX:
            members.admit(admitted, name, event.dot)
        case "retire", [int(retired), int(last)] if 0 <= last <= SEQ_MAX:
            # what was delivered here will be said by this replica's next batch
            had = 0 if retired == replica else vector.get(retired, 0)
            members.retire(retired, last, had, event.dot)
        case "void", [int(author), int(seq), str(reason), str(key)] if key:
            dot = (author, seq)
            applied = seq <= vector.get(author, 0)
            if voids.void(dot, Refusal(reason, key, event.dot), applied):
                return Verdict(dot, reason, event.replica)
    return None
