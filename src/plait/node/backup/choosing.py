"""Which of all backups in a folder to make a store from, and where each line and graph is to end.

A moment is a wall-clock time, as leaders stamped it on entries and replicas on batches. What was in
a backup by then was there by then, whatever it bears: a clock that was ahead for a while does not
hide what followed. A position of one line stands for the moment of the last entry below it; that
line ends exactly there.

Invariant: what is chosen of a line is one of its prefixes, and a copy of its state that is no
newer; what is chosen of a graph is causally closed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from plait.base.errors import BadSettings
from plait.node.backup.contents import read_rows
from plait.node.backup.layout import GraphBackup, LineBackup, Manifest, StateCopy
from plait.node.backup.vault import Pieces
from plait.node.lines import CONTROL


class Target(NamedTuple):
    """What to restore: the latest; or as of a time; or as of a position of a line."""

    time_ms: int | None = None
    line: str = ""
    position: int = -1


LATEST = Target()


class Chosen(NamedTuple):
    """One line: the entries below `position`, from a copy of the state on."""

    backup: LineBackup
    copy: StateCopy
    position: int
    time_ms: int  # the latest that anything of it bears


class ChosenGraph(NamedTuple):
    """One graph: its copy, and the batches up to a time (None: all)."""

    backup: GraphBackup
    time_ms: int | None
    late: bool = False  # no backup of it is old enough: it is as of the oldest


def parse_target(text: str) -> Target:
    """``latest``, ``LINE:POSITION``, or a time as ISO 8601 writes it; `BadSettings`."""
    if text == "latest":
        return LATEST
    line, _, position = text.rpartition(":")
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        if line and position.isascii() and position.isdigit():
            return Target(line=line, position=int(position))
        raise BadSettings(
            f"{text!r} is neither 'latest' nor a time such as 2026-01-31T12:00:00+01:00 nor "
            "LINE:POSITION"
        ) from None
    return Target(int(time.timestamp() * 1000))


class Choice:
    """What to take, by one target, from all manifests (oldest first)."""

    def __init__(self, manifests: Sequence[Manifest], target: Target, pieces: Pieces) -> None:
        if not manifests:
            raise BadSettings("the folder holds no finished backup")
        self._manifests = manifests
        self._target = target
        self._pieces = pieces
        self._pinned: Chosen | None = None

    async def begin(self) -> None:
        """Find out which moment is meant."""
        target = self._target
        if target.position < 0:
            return
        self._pinned = await self._at_position(target.line, target.position)
        self._target = target._replace(time_ms=self._pinned.time_ms)

    @property
    def cluster(self) -> str:
        """Whose backups these are."""
        return self._manifests[-1].cluster

    def highest_epoch(self, line: str) -> int:
        """The number of the newest epoch that any backup knows of a line."""
        return max(
            (each.epoch.number for manifest in self._manifests for each in manifest.lines
             if each.line == line), default=0,
        )  # fmt: skip

    async def line(self, name: str) -> Chosen | None:
        """What to take of a line; None if no backup has it."""
        if self._pinned is not None and self._pinned.backup.line == name:
            return self._pinned
        found = [(m, line) for m in self._candidates() for line in m.lines if line.line == name]
        if not found:
            return None
        time_ms = self._target.time_ms
        if time_ms is None:
            _, line = found[0]
            return Chosen(line, line.copies[-1], line.position, line.time_ms)
        for _, line in found:
            copies = [copy for copy in line.copies if copy.time_ms <= time_ms]
            if copies:
                position, latest = await self._before(line, copies[-1], time_ms)
                return Chosen(line, copies[-1], position, latest)
        earliest = min(line.copies[0].time_ms for _, line in found)
        raise BadSettings(f"the backups of {name} begin later than that: at {_shown(earliest)}")

    def graph(self, lineage: str) -> ChosenGraph | None:
        """What to take of a graph: the oldest backup of it where none is old enough."""
        found = [
            each
            for manifest in self._candidates()
            for graph in manifest.graphs
            if graph.lineage == lineage
            for each in (graph, *reversed(graph.before))
        ]
        time_ms = self._target.time_ms
        for graph in found:
            if time_ms is None or graph.time_ms <= time_ms:
                return ChosenGraph(graph, time_ms)
        oldest = min(found, key=lambda graph: graph.time_ms, default=None)
        return None if oldest is None else ChosenGraph(oldest, oldest.time_ms, late=True)

    async def size(self) -> int:
        """How many bytes of the folder what is chosen takes, or somewhat more."""
        latest, size = self._manifests[-1], 0
        for line in latest.lines:
            chosen = await self.line(line.line)
            if chosen is not None:
                size += chosen.copy.blob.size + sum(
                    log.piece.size for log in chosen.backup.log
                    if log.end > chosen.copy.position and log.start < chosen.position
                )  # fmt: skip
        for lineage in {graph.lineage: None for graph in latest.graphs}:
            found = self.graph(lineage)
            if found is not None:
                graph = found.backup
                size += graph.state.size + sum(part.piece.size for part in graph.batches)
        return size

    def _candidates(self) -> list[Manifest]:
        """The backups that may have the moment, the most fitting first."""
        time_ms = self._target.time_ms
        if time_ms is None:
            return [self._manifests[-1]]
        reach = [at for at, m in enumerate(self._manifests) if m.time_ms >= time_ms]
        best = reach[0] if reach else len(self._manifests) - 1
        return [*reversed(self._manifests[: best + 1]), *self._manifests[best + 1 :]]

    async def _before(self, line: LineBackup, copy: StateCopy, time_ms: int) -> tuple[int, int]:
        """Where the first entry stands that is later than that, and what is the latest before."""
        latest = copy.time_ms
        known = max((log.end for log in line.log if 0 < log.taken_ms <= time_ms), default=0)
        for log in line.log:
            if log.end <= copy.position:
                continue
            if log.time_ms <= time_ms or log.end <= known:
                latest = max(latest, log.time_ms)
                continue
            for position, _, entry in await read_rows(line, log, self._pieces):
                if entry.time_ms > time_ms and position >= copy.through:
                    return position, latest
                latest = max(latest, entry.time_ms)
        return line.position, latest

    async def _at_position(self, name: str, position: int) -> Chosen:
        ends = []
        for manifest in reversed(self._manifests):
            for line in manifest.lines:
                if line.line != name:
                    continue
                ends += [line.copies[0].through, line.position]
                copies = [copy for copy in line.copies if copy.through <= position]
                if copies and position <= line.position:
                    latest = await self._latest_below(line, copies[-1], position)
                    return Chosen(line, copies[-1], position, latest)
        if not ends:
            known = ", ".join(line.line for line in self._manifests[-1].lines)
            raise BadSettings(f"no backup has a line {name!r}; there are {known}")
        raise BadSettings(
            f"position {position} of {name} is in no backup; they have {min(ends)} to {max(ends)}"
        )

    async def _latest_below(self, line: LineBackup, copy: StateCopy, position: int) -> int:
        latest = copy.time_ms
        for log in line.log:
            if log.start < position and log.end > copy.position:
                rows = await read_rows(line, log, self._pieces)
                latest = max([latest, *(entry.time_ms for at, _, entry in rows if at < position)])
        return latest

    async def control(self) -> Chosen:
        """The control line, which every backup has."""
        chosen = await self.line(CONTROL)
        assert chosen is not None, "every manifest has a control line"
        return chosen


def _shown(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000).astimezone().isoformat(timespec="milliseconds")
