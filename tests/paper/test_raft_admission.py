"""A member with a new disk says that it counts only once its disk knows (thesis 3.8: stable
storage before any answer that depends on it)."""

from random import Random

from plait.line.entry import NO_EPOCH, Entry, Epoch, Kind
from plait.line.membership import founding
from plait.line.raft.member import HardState
from plait.line.raft.opening import opened
from plait.line.replication.messages import Append, AppendReply
from plait.line.replication.vocabulary import Persist, Persisted, Received, Send

EPOCH = Epoch(1, "a")


def test_a_new_disk_is_not_said_to_count_before_that_is_durable() -> None:
    hard = HardState(memberships=((-1, founding("abc")),))
    core = opened("line", "b", hard, 0, 0, 0, Random(1), 0.0)
    opening = Entry(b"", 0, Kind.EPOCH).stamped(EPOCH, 0).encode()
    told = Append("line", EPOCH, 0, NO_EPOCH, (opening,), 0, 1, 0, 0, False, 1)
    (first,) = core.step(Received("a", told), 0.1)
    assert isinstance(first, Persist)
    core.step(Persisted(first.token), 0.2)
    admit = Append("line", EPOCH, 1, EPOCH, (), 1, 1, 0, 0, True, 2, 1)
    (admitted,) = (e for e in core.step(Received("a", admit), 0.3) if isinstance(e, Persist))
    assert [reply.fresh for reply in _replies(core.step(Received("a", admit), 0.4))] == [True]
    assert [reply.fresh for reply in _replies(core.step(Persisted(admitted.token), 0.5))] == [False]


def _replies(effects: list) -> list[AppendReply]:
    sent = (effect.message for effect in effects if isinstance(effect, Send))
    return [message for message in sent if isinstance(message, AppendReply)]
