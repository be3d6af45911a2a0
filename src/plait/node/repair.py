"""`plait repair`, on a folder that no process has: what is wrong with it, and what would mend it.

There are three cures. A member of a cluster *refetches*: it drops what it has and counts as a new
disk until a leader has admitted it. Whoever has nobody to fetch from goes on *alone*, with what can
be read (`recovery`). *Orphans* are logs and states that no line owns any more: they are dropped.

Invariant: looking changes nothing but what opening a folder always does (a torn last write goes).
Nothing is an orphan unless the control line is here whole.

Absent: knowing whether the others have the data; whoever may refetch has asked them (`cli`).
"""

import contextlib
import os
import secrets
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings, Corrupt, FolderInUse
from plait.base.ids import hex_id, node_name
from plait.base.ports import LineExtent, PutHardState, ResetLine, Storage
from plait.engines.graph.identity import is_graph_line
from plait.engines.graph.options import line_of as graph_line_of
from plait.host.folder import os_error, sync_folder
from plait.host.state_check import damaged_state, state_file, state_files
from plait.host.storage import open_storage
from plait.line.raft import member as raft
from plait.node.distrust import begin_anew, remembers_others
from plait.node.identity import IDENTITY_LINE, Identity
from plait.node.lines import CONTROL
from plait.node.recovery import folded_control, survey
from plait.node.salvage import keep, unreadable
from plait.node.segments import line_of
from plait.node.written import written
from plait.types.control_graphs import graph_records

_OWN = (IDENTITY_LINE, CONTROL)


class Orphan(NamedTuple):
    """A log or a state that no line owns."""

    line: str  # of the log, or the name of the state's file
    entries: int
    state_bytes: int


class Looked(NamedTuple):
    """What was found in a folder."""

    node: str | None  # None: nobody can tell whose it is
    cluster: str | None
    others: bool  # whether it knows of other nodes
    findings: list[dict[str, Any]]  # as `plait doctor` has them
    orphans: list[Orphan]


async def look(folder: Path) -> Looked:
    """What is wrong with a folder. Raises `FolderInUse`, and `BadSettings` if it is no node's."""
    try:
        storage = await open_storage(folder)
    except FolderInUse:
        raise
    except Corrupt as error:
        remedy = "`plait repair refetch` if other nodes have the data; else `plait restore`"
        found = [_finding("refuse", "log", f"it cannot be opened: {error.message}", remedy)]
        return Looked(None, None, False, found, [])
    try:
        who = identity_of(storage)
        others = remembers_others(storage, who.name) or bool(who.engine)
        found = _log_findings(storage, others) + _state_findings(folder, others)
        orphans: list[Orphan] = []
        try:
            if not who.engine:
                with contextlib.suppress(BadSettings):  # a witness, or who was never taken in
                    survey(storage)
            with contextlib.suppress(BadSettings):  # it does not know yet what there is
                orphans = find_orphans(storage, folder)
        except Corrupt as error:
            found.append(_finding("refuse", "lines", error.message, _remedy(others, False)))
        for orphan in orphans:
            what = f"{orphan.entries} entries and {orphan.state_bytes} bytes that no line owns"
            found.append(_finding("warn", orphan.line, what, "`plait repair orphans --drop`"))
        return Looked(who.name, who.cluster, others, found, orphans)
    finally:
        await storage.close()


def identity_of(storage: Storage) -> Identity:
    """Whose folder it is; `BadSettings` if it is nobody's."""
    extent = storage.log.lines().get(IDENTITY_LINE)
    if extent is None or extent.hard_state is None:
        raise BadSettings("the folder holds no node that was ever started")
    return decode(extent.hard_state, type=Identity)


def _finding(severity: str, where: str, what: str, remedy: str) -> dict[str, Any]:
    return {"severity": severity, "where": where, "what": what, "remedy": remedy}


def _remedy(others: bool, readable: bool) -> str:
    if others:
        return "`plait repair refetch`, while a majority of the others is up"
    alone = "`plait repair alone`: it goes on with what can be read"
    return f"{alone}; or `plait restore`" if readable else "`plait restore`"


def _log_findings(storage: Storage, others: bool) -> list[dict[str, Any]]:
    log, found = storage.log, []
    if log.suspect is not None:
        remedy = "start it: it fetches everything again by itself" if others else None
        remedy = remedy or _remedy(False, True)
        found.append(_finding("refuse", "log", f"it is damaged: {log.suspect}", remedy))
    for line, extent in sorted(log.lines().items()):
        bad = unreadable(log, line, extent.head, extent.tail)
        if bad:
            what = f"{len(bad)} rows cannot be read, the first is {bad[0]}"
            found.append(_finding("refuse", line, what, _remedy(others, True)))
    return found


def _state_findings(folder: Path, others: bool) -> list[dict[str, Any]]:
    found = []
    for name, path in state_files(folder).items():
        wrong = damaged_state(path)
        if wrong is not None:
            what = f"its state is damaged: {wrong}"
            found.append(_finding("refuse", name, what, _remedy(others, True)))
    return found


# --------------------------------------------------------------------------------- orphans


def find_orphans(storage: Storage, folder: Path) -> list[Orphan]:
    """Logs with entries, and states, that belong to nothing the control line knows.

    `Corrupt` or `BadSettings` where the folder cannot tell all that the line knows: what is missing
    there would seem to own nothing.
    """
    extents = storage.log.lines()
    if CONTROL not in extents:
        return []  # it was never told what there is
    _check_control(storage, extents[CONTROL])
    view, machine = folded_control(storage, extents[CONTROL])
    lines = {record.line for record in machine.lines(view)}
    graphs = {graph_line_of(record.name, record.lineage) for record in graph_records(view)}
    owned = {*_OWN, *lines, *graphs}
    files = state_files(folder)
    known = {state_file(folder, line).name.removesuffix(".db") for line in owned}
    sizes = {name: path.stat().st_size for name, path in files.items() if name not in known}
    found = []
    for line, extent in sorted(extents.items()):
        owner = line if is_graph_line(line) else line_of(line)
        name = state_file(folder, line).name.removesuffix(".db")
        if owner not in owned and (extent.tail > extent.head or name in sizes):
            found.append(Orphan(line, extent.tail - extent.head, sizes.pop(name, 0)))
    return found + [Orphan(name, 0, size) for name, size in sizes.items()]


def _check_control(storage: Storage, extent: LineExtent) -> None:
    try:
        data = extent.hard_state
        hard = raft.HardState() if data is None else decode(data, type=raft.HardState)
    except msgspec.DecodeError as error:
        raise Corrupt(f"the hard state of the control line cannot be read: {error}") from None
    if hard.fresh:
        raise BadSettings("the node has yet to fetch what lines there are: start it first")
    lost = keep(storage, CONTROL, extent, hard.base, hard.origin.position).lost
    if lost or storage.log.suspect is not None:
        raise Corrupt(
            f"the control line is not whole, so nobody can tell what it owns: "
            f"{lost or storage.log.suspect}"
        )


async def drop_orphans(storage: Storage, folder: Path, orphans: list[Orphan]) -> None:
    """Let go of what nobody owns; its space is used again once the node runs."""
    extents = storage.log.lines()
    await written(
        storage.log,
        [ResetLine(each.line, extents[each.line].tail) for each in orphans if each.entries],
    )
    for each in orphans:
        if each.line in extents:
            await storage.drop_state(each.line)
        else:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{folder / 'state' / each.line}.db{suffix}").unlink(missing_ok=True)


# --------------------------------------------------------------------------------- refetching


class Refetched(NamedTuple):
    """A folder that its node fetches everything into again."""

    node: str
    aside: Path | None  # where what was there is now, if it could not be used at all


async def refetch(folder: Path, name: str, cluster: str) -> Refetched:
    """Let node `name` begin anew in a folder: damaged, unreadable, empty or absent.

    What it promised and who it is stay, where that can be read. `BadSettings` if the folder is
    another node's.
    """
    node_name(name)
    aside = None
    try:
        storage = await open_storage(folder)
    except Corrupt:
        aside = _set_aside(folder)
        storage = await open_storage(folder)
    try:
        if IDENTITY_LINE in storage.log.lines():
            who = identity_of(storage)
            if (who.name, who.cluster) != (name, cluster):
                raise BadSettings(
                    f"the folder is that of {who.name} of cluster {who.cluster!r}, not of {name} "
                    f"of {cluster!r}"
                )
            await begin_anew(storage)
        else:
            identity = Identity(name, cluster, True, hex_id(SystemRandom()))
            await written(storage.log, (PutHardState(IDENTITY_LINE, encode(identity)),))
    finally:
        await storage.close()
    return Refetched(name, aside)


def _set_aside(folder: Path) -> Path:
    aside = folder.with_name(f"{folder.name}.damaged-{secrets.token_hex(4)}")
    try:
        os.replace(folder, aside)
        sync_folder(folder.absolute().parent)
    except OSError as error:
        raise os_error(error, f"cannot set {folder} aside") from error
    return aside
