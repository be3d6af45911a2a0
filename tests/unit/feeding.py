"""A simulated cluster in which followers feed followers: a mixin for both kinds of cores.

Beside every core stands a passing core; who is fed by whom is drawn or set, sensibly or not. The
judge here looks at what is passed on: only what is committed, and only what the leader's log has.
"""

from typing import Any

from replicated_world import World

from plait.line.membership import encode_membership
from plait.line.replication.messages import Append, AppendReply
from plait.line.replication.passing import Advanced, PassingCore, PassOn
from plait.line.replication.sender import BeginSnapshot, LoadEntries, SendAppend
from plait.line.replication.vocabulary import Loaded, PeerUp, Received, SnapshotDone, Timer


class Feeding(World):
    """What a `Cluster` needs beside to have sources."""

    nodes: dict[str, Any]
    judge: Any
    encodes_copies = True  # of the membership, for `_install`

    def __init__(self, *how: Any, **more: Any) -> None:
        self.sources: dict[str, str] = {}  # of whom, by whom
        self.passing: dict[str, PassingCore] = {}
        self.passed_on = 0  # entries, by everybody
        self.pushed: dict[str, int] = {}  # entries that leaders sent, by to whom
        self._woken: dict[str, float] = {}
        super().__init__(*how, **more)

    def tell(self, node: Any, event: Any) -> None:
        """Step both cores; each hears what is for it."""
        self._choose(node)
        if _is_for_source(event):
            self._step(node, event)
            return
        super().tell(node, event)
        if isinstance(event, PeerUp):
            self._step(node, event)
        self._step(node, Advanced())

    def send(self, node: Any, peer: str, message: Any) -> None:
        if isinstance(message, Append):
            if message.passed_on:
                self._check(message)
                self.passed_on += len(message.entries)
            else:
                self.pushed[peer] = self.pushed.get(peer, 0) + len(message.entries)
        elif isinstance(message, AppendReply) and message.source:
            assert not message.passed_on
            assert not node.core.member.votes, "a voter says that it need not be sent entries"
        super().send(node, peer, message)

    def _check(self, message: Append) -> None:
        end = message.start + len(message.entries)
        assert not message.admit, "only a leader admits"
        if not getattr(self.judge, "lossy", False):  # else the ledger says nothing of commits
            assert max(end, message.commit) <= len(self.judge.ledger)
            rows = tuple(self.judge.ledger[message.start : end])
            assert message.entries == rows, "passed on, and not what is committed"

    # ------------------------------------------------------------------ the passing cores

    def _core(self, node: Any) -> PassingCore:
        known = self.passing.get(node.name)
        if known is None or known.member is not node.core.member:
            known = PassingCore(node.core.member, lambda: node.core.role)
            witnesses = lambda: known.member.membership.witnesses  # noqa: E731
            known.copies = lambda peer: node.name not in witnesses()
            self.passing[node.name] = known
            self._woken.pop(node.name, None)
        return known

    def _choose(self, node: Any) -> None:
        node.core.member.source.choose(self.sources.get(node.name, ""), self.now)
        fed = tuple(sorted(n for n, source in self.sources.items() if source == node.name))
        if self._core(node).followers != fed:
            self._step(node, PassOn(fed))

    def _step(self, node: Any, event: Any) -> None:
        core = self._core(node)
        for effect in core.step(event, self.now):
            self._pass(node, core, effect)
        self._wake(node, core)

    def _pass(self, node: Any, core: PassingCore, effect: Any) -> None:
        match effect:
            case SendAppend(peer, message):
                self.send(node, peer, message)
            case LoadEntries(peer, start):
                self._later(node, lambda: Loaded(peer, start, self.rows(node, start)))
            case BeginSnapshot(peer):
                self._copy(node, core, peer)

    def _later(self, node: Any, event: Any) -> None:
        life = node.life

        def act() -> None:
            if node.alive and node.life == life:
                self._step(node, event())

        self.after(self.random.uniform(0, 0.001), act)

    def _wake(self, node: Any, core: PassingCore) -> None:
        due = core.deadline
        if due == float("inf") or self._woken.get(node.name, float("inf")) <= due:
            return
        self._woken[node.name] = due

        def fire() -> None:
            if self.passing.get(node.name) is not core or self._woken.get(node.name) != due:
                return
            del self._woken[node.name]
            if node.alive:
                self._choose(node)
                if self.now >= core.deadline:
                    self._step(node, Timer())
                    assert core.deadline > self.now, "a timer that is due again at once"
                self._wake(node, core)

        self.at(max(due, self.now), fire)

    def _copy(self, node: Any, core: PassingCore, peer: str) -> None:
        """What the engine does: take a copy, stream it, and install it there."""
        sender, target, life = core.sender, self.nodes.get(peer), node.life
        assert sender is not None
        epoch, history = sender.epoch, list(node.history[: node.flushed])
        membership = node.core.member.membership_at(len(history))
        carried = encode_membership(membership) if self.encodes_copies else membership
        fits = len(history) <= sender.limit and target is not None
        target_life = None if target is None else target.life

        def arrive() -> None:
            done = None
            if fits and target.alive and target.life == target_life:  # type: ignore[union-attr]
                cut = {(node.name, peer), (peer, node.name)} & self.blocked
                member = target.core.member  # type: ignore[union-attr]
                follows = target.core.role.name == "follower"  # type: ignore[union-attr]
                new_enough = len(history) >= member.log.head
                if follows and member.obeys(epoch) and not cut and new_enough:
                    self._install(target, history, carried)
                    done = len(history)
            if node.alive and node.life == life:
                self._step(node, SnapshotDone(peer, done))

        self.after(self.random.uniform(0.01, 0.1), arrive)

    def _install(self, node: Any, history: list[bytes], membership: Any) -> None:
        raise NotImplementedError


def _is_for_source(event: Any) -> bool:
    return (
        isinstance(event, Received)
        and isinstance(event.message, AppendReply)
        and event.message.passed_on
    )
