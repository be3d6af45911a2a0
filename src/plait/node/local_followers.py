"""What is asked of followers, and of what was dropped, at the node of this process.

Settings are logged by whoever leads the control line; every node adopts them as it applies that.
"""

from typing import Any

from plait.api.infos import TableInfo
from plait.base.errors import BadSettings
from plait.node.backup.choosing import parse_target
from plait.node.lines import CONTROL
from plait.node.members import Members
from plait.node.node import Node
from plait.node.pace import settings_of
from plait.node.tables import Tables
from plait.types.commands import (
    CHOICES_SINCE,
    FOLLOWERS_SINCE,
    SOURCES_SINCE,
    SetChoice,
    SetFollower,
    SetSource,
)
from plait.types.control_followers import DELAY_MS_MAX
from plait.types.control_sources import circle

VOTE_S = 60.0  # for a node that is to vote again to catch up
EVERYTHING = ("all",)  # what is followed without a choice
ANYBODY = ("any", "leader")  # who feeds a follower without a source


class LocalFollowers:
    """A part of `Local`."""

    node: Node
    _tables: Tables
    _members: Members

    async def dropped(self) -> list[dict[str, Any]]:
        """Every dropped table that is remembered, the oldest first."""
        self.node.check_open()
        return [
            {
                "name": record.name,
                "table": record.table,
                "line": record.line,
                "cleared_at": None if record.cleared_at < 0 else record.cleared_at,
                "time_ms": record.time_ms,
            }
            for record in await self._tables.dropped()
        ]

    async def open_dropped(self, name: str) -> TableInfo:
        """The table of that name that was dropped last."""
        self.node.check_open()
        return await self._tables.find_dropped(name)

    async def set_follower(
        self,
        name: str,
        delay_s: float | None,
        hold: str | None,
        go: bool,
        votes: bool | None = None,
        source: str | None = None,
        only: tuple[str, ...] | None = None,
    ) -> dict[str, Any]:
        """Let a node follow differently from now on; only who leads the control line can."""
        node = self.node
        node.check_open()
        if node.control.group is None:
            raise BadSettings("on a shared engine every node may order: none of them follows late")
        await node.knows_all()
        self._check(
            name,
            bool(delay_s) or hold is not None or votes is False,
            delay_s is not None or hold is not None,
        )
        if delay_s is not None and not 0 <= delay_s * 1000 <= DELAY_MS_MAX:
            raise BadSettings(f"a delay of {delay_s!r} s is not within 0 to a year")
        if hold is not None and go:
            raise BadSettings("it can be stopped, or go on, not both")
        where = None if hold is None else self._parse(hold)
        if votes is False:
            self._members.check_without(name)
        if source is not None:
            source = self._parse_source(name, source, votes)
        if only is not None:
            self._check_choice(name, only, votes)
        elif votes and name in node.choices.records:
            await self._choose(name, EVERYTHING)
        await node.versions.wait_for(FOLLOWERS_SINCE, "delayed followers")
        delay_ms = None if delay_s is None else round(delay_s * 1000)
        if votes:  # while it has none it is to be known for a reader: else the lines let it go
            await self._members.vote(name, votes, VOTE_S)
        await node.command(node.control.line, SetFollower(name, delay_ms, where, go, votes))
        if votes is False:
            await self._members.vote(name, votes, VOTE_S)
        if only is not None:
            await self._choose(name, only)
        if votes and name in node.sources.records:
            source = ""  # who votes is fed by leaders
        if source is not None and source != node.sources.records.get(name, ""):
            await node.versions.wait_for(SOURCES_SINCE, "followers that feed followers")
            await node.command(node.control.line, SetSource(name, source))
        chosen = node.choices.records.get(name)
        return settings_of(node.followers.record(name)) | {
            "source": node.sources.records.get(name),
            "only": None if chosen is None else list(chosen),
        }

    def _check_choice(self, name: str, only: tuple[str, ...], votes: bool | None) -> None:
        node = self.node
        if only == EVERYTHING:
            return
        if votes or (name in node.membership.voters and votes is None):
            raise BadSettings(f"{name} votes: who votes follows everything")
        if unknown := node.choices.unknown(only):
            raise BadSettings(f"there is no collection {unknown[0]!r}")

    async def _choose(self, name: str, only: tuple[str, ...]) -> None:
        """Log what a node follows from now on."""
        node, wanted = self.node, None if only == EVERYTHING else tuple(sorted(set(only)))
        if wanted != node.choices.records.get(name):
            await node.versions.wait_for(CHOICES_SINCE, "copies of chosen collections")
            await node.command(node.control.line, SetChoice(name, wanted))

    def _parse_source(self, name: str, source: str, votes: bool | None) -> str:
        """Who is to feed a node; "" for whoever leads. Circles are the control line's to refuse."""
        if source in ANYBODY:
            return ""
        node, membership = self.node, self.node.membership
        if source not in membership.members:
            raise BadSettings(f"{source!r} is no node of this cluster, and none of {ANYBODY}")
        if votes or (name in membership.voters and votes is None):
            raise BadSettings(f"{name} votes: who votes takes entries from whoever leads")
        way = circle(node.sources.records, name, source)
        if way:
            raise BadSettings(f"nobody would feed any of them: {' from '.join(way)}")
        return source

    def _check_willing(self, target: str, line: str | None) -> None:
        """`BadSettings` for a hand-over to nobody, or to who would hand back at once."""
        if target not in self.node.member_names:
            raise BadSettings(f"{target!r} is no member of the cluster")
        if line != CONTROL and target in self.node.followers.reluctant:
            raise BadSettings(f"{target} is delayed or held, and leads only if nobody else can")

    def _check(self, name: str, later: bool, applies: bool) -> None:
        node, membership = self.node, self.node.membership
        if name not in (*membership.voters, *node.followers.readers):
            raise BadSettings(f"{name!r} is no member of this cluster")
        if name in membership.witnesses and applies:
            raise BadSettings(f"{name} is a witness: it applies nothing, now or later")
        others = {*membership.voters} - {name, *membership.witnesses, *node.followers.reluctant}
        if later and not others:
            raise BadSettings(f"somebody must lead: without {name} nobody applies what comes")

    def _parse(self, hold: str) -> tuple[int, str, int]:
        if hold == "now":
            return 0, "", 0
        node, target = self.node, parse_target(hold)
        if target.time_ms is not None:
            if target.time_ms > node.clock.wall_ms():
                raise BadSettings(f"{hold} is not past yet")
            return target.time_ms, "", 0
        if target.position < 0:
            raise BadSettings(f"{hold!r} is no moment: it is `now`, a time, or LINE:POSITION")
        lines = node.control_machine.lines(node.control.replica.view)
        if target.line not in [record.line for record in lines]:
            raise BadSettings(f"there is no line {target.line!r}")
        return 0, target.line, target.position
