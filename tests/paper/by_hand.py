"""One Raft core in the hand of a test: give it a log, say something to it, look at what it does.

No time passes and no disk works unless the test says so. Positions count from 0.
"""

from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

from plait.line.entry import NO_EPOCH, Entry, Epoch, Kind
from plait.line.membership import Membership, encode_membership
from plait.line.raft.core import RaftCore
from plait.line.raft.leader import Leader
from plait.line.raft.member import HardState
from plait.line.raft.messages import RequestVote, Vote
from plait.line.raft.opening import opened
from plait.line.replication.messages import Append, AppendReply
from plait.line.replication.sender import SendAppend
from plait.line.replication.vocabulary import Persist, Persisted, Propose, Received, Send, Timer

LINE = "line"
M = TypeVar("M")


def by(term: int) -> Epoch:
    """The epoch of a term whose leader was called after it."""
    return Epoch(term, f"x{term}") if term else NO_EPOCH


def entry(term: int, payload: bytes = b"", kind: Kind = Kind.DATA, at: int = 0) -> Entry:
    """An entry of a term; one record each, so that `at` entries hold `at` records."""
    return Entry(payload, 1, kind).stamped(by(term), at)


def row(term: int, at: int, payload: bytes = b"") -> bytes:
    """An encoded entry."""
    return entry(term, payload, at=at).encode()


def member(
    name: str,
    voters: str = "abc",
    *,
    term: int = 0,
    vote: str = "",
    log: Sequence[int] = (),
    fresh: bool = False,
    membership: Membership | None = None,
) -> RaftCore:
    """A member whose durable log holds one entry of each of those terms."""
    known = membership or Membership(tuple(voters))
    hard = HardState(max([term, *log]), vote, fresh, memberships=((-1, known),))
    core = opened(LINE, name, hard, 0, 0, 0, Random(1), 0.0)
    for at, of in enumerate(log):
        core.member.append(at, (entry(of, at=at),), (row(of, at),))
    core.member.log.durable = core.member.log.tail
    core.member.effects.clear()
    return core


def said(effects: Sequence[Any], kind: type[M]) -> dict[str, M]:
    """The messages of a kind among effects, by receiver; the last one counts."""
    sends = (effect for effect in effects if isinstance(effect, Send | SendAppend))
    return {send.peer: send.message for send in sends if isinstance(send.message, kind)}


def hear(core: RaftCore, peer: str, message: Any, now: float = 0.0) -> list[Any]:
    """A message came; the disk has not worked yet."""
    return list(core.step(Received(peer, message), now))


def sync(core: RaftCore, effects: Sequence[Any], now: float = 0.0) -> list[Any]:
    """The disk works until it has nothing to do; what happens then."""
    found: list[Any] = []
    todo = [effect for effect in effects if isinstance(effect, Persist)]
    while todo:
        new = core.step(Persisted(todo.pop(0).token), now)
        todo += [effect for effect in new if isinstance(effect, Persist)]
        found += new
    return found


def tell(core: RaftCore, peer: str, message: Any, now: float = 0.0) -> list[Any]:
    """A message came, and the disk worked."""
    effects = hear(core, peer, message, now)
    return effects + sync(core, effects, now)


def wait(core: RaftCore) -> list[Any]:
    """Time passes until the member wants to be woken, and the disk works."""
    now = core.deadline
    effects = list(core.step(Timer(), now))
    return effects + sync(core, effects, now)


def pause(core: RaftCore, until: float = 0.25) -> list[Any]:
    """Time passes; what the member does meanwhile."""
    effects: list[Any] = []
    while core.deadline < until:
        effects += wait(core)
    return effects


def yes(core: RaftCore, *, pre: bool = False, fresh: bool = False) -> Vote:
    """A vote for a candidate in the term that it asks for."""
    term = core.member.term + 1 if pre else core.member.term
    return Vote(LINE, term, pre, True, core.member.term, fresh, False)


def stand(core: RaftCore, *friends: str) -> list[Any]:
    """Time passes, friends say that they would vote: what the candidate does then."""
    wait(core)
    effects: list[Any] = []
    for friend in friends:
        effects += tell(core, friend, yes(core, pre=True))
    return effects


def lead(core: RaftCore, *friends: str) -> Leader:
    """Make a member the leader of the next term; its disk holds the entry that opens it."""
    stand(core, *friends)
    for friend in friends:
        tell(core, friend, yes(core))
    assert isinstance(core.role, Leader)
    return core.role


def ask(term: int, last: int, tail: int, **how: bool) -> RequestVote:
    """A request for a vote by somebody with such a log."""
    return RequestVote(
        LINE, term, how.get("pre", False), how.get("transfer", False), by(last), tail
    )


def append(
    term: int, start: int, previous: int, terms: Sequence[int] = (), commit: int = 0
) -> Append:
    """Entries pushed by the leader of a term."""
    rows = tuple(row(of, at) for at, of in enumerate(terms, start))
    tail = start + len(rows)
    return Append(LINE, by(term), start, by(previous), rows, commit, tail, tail, 0)


def holds(core: RaftCore, durable: int, *, round_: int = 0, fresh: bool = False) -> AppendReply:
    """A follower's answer to this leader: everything below `durable` is on its disk."""
    role = core.role
    assert isinstance(role, Leader)
    round_ = round_ or role.sender.round
    return AppendReply(
        LINE, role.epoch, True, durable, durable, durable, durable, 0.0, fresh, 0, round_
    )


def propose(core: RaftCore, payload: bytes = b"x", now: float = 0.0) -> list[Any]:
    """A client's entry; the disk has not worked yet."""
    return list(core.step(Propose(Entry(payload)), now))


def terms(core: RaftCore) -> list[int]:
    """The terms of a member's log."""
    log = core.member.log
    found = (log.epoch_at(position) for position in range(log.head, log.tail))
    return [epoch.number for epoch in found if epoch is not None]


def members_row(term: int, at: int, membership: Membership) -> bytes:
    """An encoded entry that says who the members are."""
    payload = encode_membership(membership)
    return Entry(payload, 0, Kind.MEMBERS).stamped(by(term), at).encode()
