"""A member that passes on what its leader pushed to it: the passing core on the ports of its line.

It stands beside the loglet, looks again whenever more is committed here, and sends copies of the
state in the way that the line's leader does.
"""

from collections.abc import Callable
from typing import Any

from plait.engines.replicated.driver import Driver
from plait.engines.replicated.loglet import ReplicatedLoglet
from plait.engines.replicated.status import followers_of
from plait.line.replication.messages import AppendReply
from plait.line.replication.passing import Advanced, PassingCore, PassOn
from plait.line.replication.sender import Sender
from plait.line.replication.vocabulary import PeerUp, Received, SnapshotDone


class Passing:
    """One member's part in feeding others, and in being fed.

    role: what the member is at the moment. copy: begins to send a copy to a peer.
    """

    def __init__(
        self,
        loglet: ReplicatedLoglet,
        role: Callable[[], Any],
        send: Callable[[str, Any], None],
        copy: Callable[[str], None],
    ) -> None:
        self._loglet = loglet
        self.core = PassingCore(loglet.member, role)
        self._driver = Driver(self.core, loglet.driver.storage, send, loglet.clock)
        self._driver.pace = loglet.driver.pace
        self._driver.on_snapshot = copy
        self._told = loglet.driver.on_committed
        loglet.driver.on_committed = self._committed

    @property
    def sender(self) -> Sender | None:
        """What is passed on, if anything is."""
        return self.core.sender

    def close(self) -> None:
        """Feed nobody any more."""
        self._driver.close()

    def choose(self, source: str, followers: tuple[str, ...]) -> None:
        """Take entries from `source` ("" for the leader), and pass them on to `followers`."""
        self._loglet.member.source.choose(source, self._loglet.clock.monotonic())
        if followers != self.core.followers:
            self._driver.step(PassOn(followers))

    def look(self) -> None:
        """Something came that may say more of what is committed, or of who leads."""
        if self.core.followers:
            self._driver.step(Advanced())

    def replied(self, peer: str, reply: AppendReply) -> None:
        """Somebody who is fed from here answered."""
        self._driver.step(Received(peer, reply))

    def peer_up(self, peer: str) -> None:
        """A fresh connection to a peer exists."""
        if self.core.followers:
            self._driver.step(PeerUp(peer))

    def copied(self, peer: str, position: int | None) -> None:
        """The transfer of a copy to `peer` ended."""
        self._driver.step(SnapshotDone(peer, position))

    def status(self) -> dict[str, Any]:
        """Who is fed from here, and who feeds this member; nothing if nobody does either."""
        status: dict[str, Any] = {}
        now, source = self._loglet.clock.monotonic(), self._loglet.member.source
        if source.name:
            status["source"] = {"node": source.name, "feeds": self.fed}
        if self.core.sender is not None:
            status["passes_on"] = followers_of(self.core.sender, now)
        return status

    @property
    def fed(self) -> bool:
        """Whether entries come from the source."""
        source, now = self._loglet.member.source, self._loglet.clock.monotonic()
        return source.well(now) and source.name != self._loglet.leader

    def _committed(self, position: int) -> None:
        self._told(position)
        self.look()
