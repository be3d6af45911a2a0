"""Tables at a node: found in the control line's fold, made and dropped by its commands."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from plait.api.infos import TableInfo
from plait.api.settings import Consensus, Leader, Settings
from plait.base.errors import BadSettings, NoSuchCollection, TooStale, Unavailable
from plait.base.ids import collection_name
from plait.line.quorum import CONSENSUS, AckRule
from plait.node.lines import CONTROL
from plait.node.moves import WEAKER
from plait.node.node import Node
from plait.types.commands import (
    BEFORES_SINCE,
    CHAINS_SINCE,
    ZONES_SINCE,
    ClearTable,
    CreateTable,
    DropTable,
    KeepBefore,
)
from plait.types.control import TableRecord
from plait.types.control_dropped import DroppedRecord, dropped_tables

LEADER_WAIT_S = 10.0
KNOWN_S = 2.0


class Tables:
    """The tables that one node knows."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def open(self, name: str, settings: Settings | None) -> TableInfo:
        """Find a table, or create it with `settings`; waits a little until its line has a leader.

        Only who leads the control line can create, or say that there is none.
        """
        node = self._node
        collection_name(name)
        node.check_open()
        record = self._find(name)
        if record is None and settings is None:
            record = await self._known(name)
        if record is None:
            assert settings is not None
            degrade = isinstance(settings, Leader) and settings.degrade
            zones = await founding_zones(node, settings)
            leader = node.control.leader or node.name
            engine = await engine_for(node, settings)
            line = settings.line_name(name)
            members = () if engine else node.member_names
            await node.command(
                CONTROL,
                CreateTable(name, settings.acks, degrade, line, leader, members, engine, zones),
            )
            await node.reconcile()
            record = self._find(name)
            assert record is not None
            await self.led(record.line)
        elif settings is not None:
            _check_same(record, settings)
        return info_of(record)

    async def led(self, line: str) -> None:
        """Return once the line has a leader, or after a while without one."""
        node = self._node
        until = node.clock.monotonic() + LEADER_WAIT_S
        while not self._is_led(line):
            hopeless = node.closed or node.storage.log.read_only is not None
            if hopeless or node.clock.monotonic() > until:
                return
            await asyncio.sleep(0.005)

    def _is_led(self, line: str) -> bool:
        host = self._node.lines.get(line)
        if not self._node.choices.follows(line):
            return True  # whoever asks here is sent to somebody who knows
        return host is not None and (host.group is None or host.leader is not None)

    def _find(self, name: str) -> TableRecord | None:
        return self._node.control_machine.table(self._node.control.replica.view, name)

    async def _known(self, name: str) -> TableRecord:
        """A table that is not known here yet."""
        await self._node.knows_all()
        record = self._find(name)
        if record is None:
            raise NoSuchCollection(f"there is no table {name!r}", table=name)
        return record

    def list(self) -> list[TableInfo]:
        """Every table, by name."""
        machine = self._node.control_machine
        return [info_of(record) for record in machine.tables(self._node.control.replica.view)]

    async def drop(self, name: str, cleared_at: int = -1) -> None:
        """Remove every row, unless that was done at `cleared_at` of its line; then the name."""
        record = self._find(name)
        if record is None:
            record = await self._known(name)
        if cleared_at < 0:
            cleared = await self._node.command(record.line, ClearTable(record.table))
            cleared_at = cleared.position
        await self._node.command(CONTROL, DropTable(name, cleared_at))

    async def dropped(self) -> Sequence[DroppedRecord]:
        """What was dropped, the oldest first; followers that are delayed may have its rows. Where
        nobody can tell what was dropped just now: as far as is known here."""
        control = self._node.control
        with contextlib.suppress(Unavailable, TooStale):
            await control.caught_up(KNOWN_S)
        return dropped_tables(control.replica.view)

    async def find_dropped(self, name: str) -> TableInfo:
        """The table of that name that was dropped last; only for reading."""
        found = [record for record in await self.dropped() if record.name == name]
        if not found:
            raise NoSuchCollection(f"no table {name!r} was dropped", table=name)
        return info_of(found[-1])

    async def keep_before(self, name: str, on: bool) -> None:
        """Begin, or end, to note rows before they change; once every node knows such notes."""
        record = self._find(name) or await self._known(name)
        await self._node.versions.wait_for(BEFORES_SINCE, "values before changes")
        await self._node.command(record.line, KeepBefore(record.table, on))


async def founding_zones(node: Node, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Where the nodes are that found a line; `RuleUnmet` if they could not meet its rule."""
    membership = node.membership
    if isinstance(settings, Leader):
        rule = AckRule.parse(settings.acks)
        rule.check(membership.voters, dict(membership.zones))
        if rule.by_zone:
            await node.versions.wait_for(ZONES_SINCE, "rules by zones")
    return tuple(pair for pair in membership.zones if pair[0] in membership.voters)


async def engine_for(node: Node, settings: Settings) -> str:
    """The engine that a new line begins on, looked at first; "" for the nodes' own disks."""
    url = settings.engine if isinstance(settings, Consensus) else None
    if url is None and node.config.engine and settings.acks not in WEAKER:
        raise BadSettings(f"no shared engine promises acks={settings.acks!r}")
    url = url or node.config.engine
    if not url or url == node.config.engine:
        return url
    await node.versions.wait_for(CHAINS_SINCE, "shared engines")
    await node.engines.sound(url)
    return url


def info_of(record: TableRecord | DroppedRecord) -> TableInfo:
    """A table as users know it."""
    own: Literal["own"] | None = "own" if record.line.startswith("own/") else None
    settings: Settings = Consensus(own)
    if record.acks != CONSENSUS:
        settings = Leader(record.acks, record.degrade, own)
    return TableInfo(record.name, record.table, record.line, settings)


def _check_same(record: TableRecord, settings: Settings) -> None:
    known = info_of(record).settings
    if isinstance(settings, Consensus):
        settings = replace(settings, engine=None)  # where a line is says nothing of what it is
    if known != settings:
        raise BadSettings(f"table {record.name!r} exists with {known}, not with {settings}")
