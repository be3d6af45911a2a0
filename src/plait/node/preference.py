"""Leaders where they are wanted: a line's leader hands over to a member in a better zone.

The control line says which zones are preferred, best first, for one line or for all. Whoever leads
a line in another looks for a member in a better one that has caught up, keeps an eye on it for a
while, and hands over as for `plait transfer`: writers wait a moment, and nothing is lost.

Invariant: leadership only ever goes to a better zone by this, never sideways or back, so two
leaders do not pass a line to and fro. Where the better member keeps failing and the line returns,
each attempt of this node is made after a pause twice as long as before, so a line does not flap.
A member that was well all the time and gave the line back, because its state was of no use, say,
does not get it again for that reason until it was away, somebody prefers other zones, or
`REMEMBERED_S` have passed.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from plait.base.errors import PlaitError
from plait.base.ports import Clock
from plait.line.membership import Membership
from plait.line.replication.progress import Progress
from plait.line.replication.sender import SILENT_S, Sender
from plait.node.config import NodeConfig
from plait.node.followers import Followers
from plait.node.line_host import LineHost
from plait.node.lines import CONTROL
from plait.types.control import ControlMachine
from plait.types.control_zones import preferred_zones

logger = logging.getLogger("plait.zones")

HAND_OVER_S = 5.0
PAUSE_S_MAX = 600.0
REMEMBERED_S = 600.0
CALM = 8  # so many pauses without an attempt, and the next pause is short again


class Owner(Protocol):
    """The node, as far as preferring leaders needs it."""

    name: str
    clock: Clock
    config: NodeConfig
    control: LineHost
    control_machine: ControlMachine
    followers: Followers
    down: set[str]

    def hosts(self) -> list[LineHost]: ...

    def spawn(self, work: Any) -> None: ...


def rank(zone: str | None, preferred: Sequence[str]) -> int:
    """How good a zone is; 0 is best, and all that are not named are alike."""
    return preferred.index(zone) if zone in preferred else len(preferred)


def better(
    me: str,
    membership: Membership,
    preferred: Sequence[str],
    able: Mapping[str, Progress],
) -> str | None:
    """Who of those able to lead is in a better zone than `me`: the best, and of these who has
    most."""
    zones = dict(membership.zones)
    mine = rank(zones.get(me), preferred)
    found = [
        (rank(zones.get(name), preferred), -progress.match, name)
        for name, progress in able.items()
        if name in membership.voters and name not in membership.witnesses
    ]
    best = min(found, default=None)
    return best[2] if best is not None and best[0] < mine else None


def able(sender: Sender, now: float) -> dict[str, Progress]:
    """The followers that answered lately and have caught up."""
    lately = sender.heard_within(SILENT_S, now)
    return {
        name: sender.progress[name]
        for name in lately
        if sender.progress[name].caught_up(sender.commit)
    }


class Seen(NamedTuple):
    """A better member, and since when it was one without a break."""

    name: str
    since: float


class Patience:
    """When a line may be handed over: not at once, and more and more seldom."""

    def __init__(self, steady_s: float) -> None:
        self._steady_s = steady_s
        self._seen: Seen | None = None
        self._pause_s = steady_s
        self._tried_at = float("-inf")

    def look(self, found: str | None, now: float) -> bool:
        """Whether `found` has been there for long enough, and the last attempt is long ago."""
        if found is None or self._seen is None or self._seen.name != found:
            self._seen = None if found is None else Seen(found, now)
        if self._seen is None or now - self._seen.since < self._steady_s:
            return False
        return now - self._tried_at >= self._pause_s

    def tried(self, now: float) -> None:
        """An attempt was made."""
        calm = now - self._tried_at > CALM * self._pause_s
        self._pause_s = self._steady_s if calm else min(2 * self._pause_s, PAUSE_S_MAX)
        self._tried_at, self._seen = now, None


class GivenBack:
    """Who was given a line because of its zone, and gave it back."""

    def __init__(self) -> None:
        self._given: str | None = None  # who got it from here last
        self._led_elsewhere = False  # since then
        self._back: dict[str, float] = {}  # who gave it back, and when
        self._preferred: tuple[str, ...] = ()

    def gave(self, name: str) -> None:
        """The line was handed over to this member."""
        self._given, self._led_elsewhere = name, False

    def look(
        self, leads: bool, lately: Collection[str], preferred: Sequence[str], now: float
    ) -> Collection[str]:
        """Who is not to get it now. `lately`: who answered lately, if this node `leads`."""
        if tuple(preferred) != self._preferred:
            self._preferred, self._back = tuple(preferred), {}
        if not leads:
            self._led_elsewhere = True
            return ()
        if self._given is not None and self._led_elsewhere:
            self._back[self._given], self._given = now, None
        self._back = {
            name: since
            for name, since in self._back.items()
            if name in lately and now - since < REMEMBERED_S
        }
        return self._back.keys()


class Preference:
    """What one node does about it for the lines that it leads."""

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._patience: dict[str, Patience] = {}
        self._returned: dict[str, GivenBack] = {}
        self._handing: dict[str, None] = {}

    def watch(self) -> None:
        """Look at every line that is led here."""
        view = self._node.control.replica.view
        for host in self._node.hosts():
            preferred = preferred_zones(view, host.line)
            if preferred and host.group is not None and host.line not in self._handing:
                self._look(host, preferred)

    def _look(self, host: LineHost, preferred: Sequence[str]) -> None:
        node, now = self._node, self._node.clock.monotonic()
        assert host.group is not None
        sender, membership = host.group.loglet.sender, host.membership
        found = None
        leads = sender is not None and host.leads
        lately = () if sender is None else sender.heard_within(SILENT_S, now)
        lately = [name for name in lately if name not in node.down]
        avoided = self._memory(host.line).look(leads, lately, preferred, now)
        if sender is not None and leads and not membership.joint:
            if host.line != CONTROL:
                avoided = {*avoided, *node.followers.reluctant}
            can = {n: known for n, known in able(sender, now).items() if n not in avoided}
            found = better(node.name, membership, preferred, can)
        patience = self._patience.get(host.line)
        if patience is None:
            patience = self._patience[host.line] = Patience(node.config.limits.prefer_after_s)
        if patience.look(found, now):
            assert found is not None
            patience.tried(now)
            self._handing[host.line] = None
            node.spawn(self._hand_over(host, found))

    def _memory(self, line: str) -> GivenBack:
        return self._returned.setdefault(line, GivenBack())

    async def _hand_over(self, host: LineHost, target: str) -> None:
        assert host.group is not None
        try:
            promotion = await host.group.loglet.hand_over(target, HAND_OVER_S)
            logger.info("line %s: %s is in a better zone: %s", host.line, target, promotion.why)
            if promotion.won:
                self._memory(host.line).gave(target)
        except PlaitError as error:
            logger.info("line %s stays where it is led: %s", host.line, error)
        finally:
            self._handing.pop(host.line, None)
