"""What one member of a replicated line says, to others and to its readers, when it says it.

- what is said to be durable, voted or promised is on the disk;
- what was said to be durable stays so, while the same leader is followed;
- no pre-vote is granted while a leader is at work;
- a read index covers everything that anybody was told to be committed when it was asked for.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from plait.engines.raft.driver import RaftDriver
from plait.engines.replicated.driver import Driver
from plait.line.entry import Epoch
from plait.line.primary import member as primary
from plait.line.primary.messages import Promise
from plait.line.raft import member as raft
from plait.line.raft.follower import RaftFollower
from plait.line.raft.leader import Leader
from plait.line.raft.messages import RequestVote, Vote
from plait.line.raft.vocabulary import AskRead
from plait.line.replication.messages import AppendReply
from plait.node.line_host import LineHost
from plait.sim.line_truth import LineTruth

_WORDS = (AppendReply, Vote, RequestVote, Promise)  # whose word counts; most messages are others


class WordProbe:
    """Hears every message from now on."""

    def __init__(self, line: LineTruth, name: str, host: LineHost) -> None:
        self._line = line
        self._name = name
        assert host.group is not None
        self._driver: Driver = host.group.loglet.driver
        self._core: Any = self._driver.core
        self._member: Any = self._core.member
        # the newest epoch that was answered, and what was said of it
        self._durable: tuple[Epoch | None, int] = (None, 0)
        self._reads: dict[int, int] = {}  # by id: what the answer must cover
        self._driver.send = self._sending(self._driver.send)
        if isinstance(self._driver, RaftDriver):
            self._driver.step = self._asking(self._driver.step)  # type: ignore[assignment,method-assign]
            self._driver.on_read = self._answering(self._driver.on_read)

    def _report(self, what: str) -> None:
        self._line.ground.report(self._line.line, (self._name,), what)

    def look(self) -> None:
        """After a step: what was said to be durable is so yet."""
        epoch, said = self._durable
        log = self._member.log
        if said <= max(log.durable, log.head) or self._driver.halted is not None:
            return
        if self._member.obeys(epoch):
            self._report(f"said to {epoch} that {said} are durable, and has only {log.durable} now")
            self._durable = (None, 0)

    # ------------------------------------------------------------------ messages

    def _sending(self, send: Callable[[str, Any], None]) -> Callable[[str, Any], None]:
        def sent(peer: str, message: Any) -> None:
            if type(message) in _WORDS:
                self._check(peer, message)
            send(peer, message)

        return sent

    def _check(self, peer: str, message: Any) -> None:
        match message:
            case AppendReply():
                self._check_reply(message)
            case Vote(_, _, True, True):
                self._check_calm(peer)
            case Vote(_, asked, False, True):
                self._check_word(asked, peer)
            case RequestVote(_, term, False):
                self._check_word(term, self._name)
            case Promise() if message.binding and message.granted:
                self._check_word(message.epoch, "")

    def _check_reply(self, reply: AppendReply) -> None:
        tail = self._line.ground.tail_on_disk(self._name, self._line.line)
        if reply.durable > max(tail, self._member.origin.position):  # nothing is before the origin
            self._report(f"says that {reply.durable} entries are durable; its disk has {tail}")
        epoch, said = self._durable
        self._durable = (reply.epoch, max(reply.durable, said if epoch == reply.epoch else 0))

    def _check_calm(self, peer: str) -> None:
        role = self._core.role
        now = self._driver.clock.monotonic()
        if isinstance(role, Leader) or (isinstance(role, RaftFollower) and role.leader is not None):
            election_s = self._core.timing.election_s
            silent_s = 0.0 if isinstance(role, Leader) else now - role.last_heard
            if silent_s < election_s:
                self._report(f"would vote for {peer}, though its leader was silent for no time")

    def _check_word(self, newest: Any, vote: str) -> None:
        """A vote, a candidacy or a promise is on disk, and will be remembered."""
        data = self._line.ground.hard_state(self._name, self._line.line)
        if isinstance(self._member, raft.RaftMember):
            hard = raft.HardState() if data is None else _decode(data, raft.HardState)
            durable: Any = hard.term
            if durable == newest and hard.vote != vote:
                self._report(f"votes for {vote} in {newest}; its disk says {hard.vote or 'nobody'}")
        else:
            state = primary.HardState() if data is None else _decode(data, primary.HardState)
            durable = state.promised
        if durable < newest:
            self._report(f"gives its word for {newest}; its disk says {durable}")
        self._line.said[self._name] = (newest, vote)

    # ------------------------------------------------------------------ readers

    def _asking(self, step: Callable[[Any], None]) -> Callable[[Any], None]:
        def asked(event: Any) -> None:
            if isinstance(event, AskRead):
                self._reads[event.id] = self._line.end
            step(event)

        return asked

    def _answering(
        self, answer: Callable[[int, int | None], None]
    ) -> Callable[[int, int | None], None]:
        def answered(id_: int, position: int | None) -> None:
            floor = self._reads.pop(id_, 0)
            if position is not None and position < floor:
                self._report(f"reads at {position}; {floor} were committed when it was asked")
            answer(id_, position)

        return answered


def _decode(data: bytes, kind: Any) -> Any:
    return msgspec.msgpack.decode(data, type=kind)
