"""The ways in that bring a node: a folder in this process, a folder from a backup, a branch."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from plait.api.store import Store, lent_copies
from plait.node.backup.branching import make_branch, remove_branch
from plait.node.backup.choosing import parse_target
from plait.node.backup.folders import check_new, restore_folder, scratch_folder
from plait.node.backup.restoring import describe
from plait.node.config import NodeConfig
from plait.node.history_settings import history_of
from plait.node.local import Local
from plait.node.serve import running
from plait.types.state_machine import StateMachine


@contextlib.asynccontextmanager
async def open(
    path: str | PathLike[str],
    *,
    machines: Iterable[type[StateMachine]] = (),
    engine: str | None = None,
    cluster: str | None = None,
    name: str | None = None,
    history: str | None = None,
    archive: str | PathLike[str] | None = None,
) -> AsyncIterator[Store]:
    """Open the store in folder `path` (made if absent), in this process, without a server.

    machines: classes of the state machines in it; `Store.machine` registers its class too.
    engine: the URL of NATS JetStream or PostgreSQL, which then orders everything: all processes
        that name the same engine and the same `cluster` are nodes of one store, each with a
        folder and a `name` of its own.
    history: how far back `Store.at` is to reach: ``"7d"``, ``"12h"``, or ``"all"``. It is kept in
        the folder while the store is open; without it the past is what the logs still have.
    archive: keep it there instead, as ``plait backup --follow`` does, from where `plait.restore`
        makes a store too; all of it, unless `history` says how much.
    One process at a time: `FolderInUse` says who has it. Raises `StorageError`s.
    """
    kept = history_of(history, archive)
    config = NodeConfig(Path(path), machines=tuple(machines), history=kept)
    if engine is not None or cluster is not None or name is not None:
        config = NodeConfig(
            Path(path), name or config.name, cluster=cluster or config.cluster,
            machines=config.machines, engine=engine or "", history=kept,
        )  # fmt: skip
    async with running(config) as node, Store(Local(node)) as store:
        yield store


async def restore(
    backup: str | PathLike[str],
    path: str | PathLike[str],
    *,
    at: str = "latest",
    name: str = "n1",
    tell: Callable[[int, int], Any] = lambda done, of: None,
) -> dict[str, Any]:
    """Make the folder `path`, which must be new or empty, from a folder of backups.

    It is the folder of one node, the only one of a new cluster: `plait.open` and ``plait serve``
    take it, other nodes join it, and nothing of the cluster that was backed up mixes with it.

    at: ``"latest"``; a time (``"2026-01-31T12:00:00+01:00"``, without an offset in local time); or
    ``"LINE:POSITION"``, that line up to there and everything else as of that moment.
    tell: called with how much is done, and of how much.
    Returns ``node``, ``cluster``, ``former`` (the cluster that was backed up), ``lines`` (position,
    time and epoch by line) and ``documents``. `BadSettings` for a folder that is no backup, a
    target that is in none, or a `path` in use; `Corrupt` for a damaged backup.
    """
    restored = await restore_folder(
        backup, path, parse_target(at), name, lambda progress: tell(progress.done, progress.of)
    )
    return describe(restored)


async def branch(
    store: Store,
    path: str | PathLike[str],
    *,
    at: str = "latest",
    name: str = "n1",
    tell: Callable[[int, int], Any] = lambda done, of: None,
) -> dict[str, Any]:
    """Make the folder `path` a branch of an open store: a copy to write to, and throw away.

    It is the store of one node, with a cluster name, epochs and ids of its own, so nothing of it
    comes back. Over the network one of the nodes that were named sends it, and stays in its place.

    at: as for `restore`; a moment of the past where history is kept (`NoHistory`).
    Returns what `restore` returns. `drop_branch` throws it away.
    """
    check_new(path)
    async with lent_copies(store, at) as copies:
        restored = await make_branch(
            copies, path, at, name, lambda progress: tell(progress.done, progress.of)
        )
    return describe(restored)


async def drop_branch(path: str | PathLike[str]) -> None:
    """Remove a branch. `BadSettings` for a folder that is none, `FolderInUse` while it is open."""
    await remove_branch(path)


@contextlib.asynccontextmanager
async def past(
    backup: str | PathLike[str],
    *,
    at: str = "latest",
    machines: Iterable[type[StateMachine]] = (),
    tell: Callable[[int, int], Any] = lambda done, of: None,
) -> AsyncIterator[Store]:
    """The store as it was, from a folder of backups: to look at, and to copy from.

    at: as for `restore`. It is a copy in a folder for temporary files, which goes with it: it takes
    the time and the space of a restore, and what is written to it is gone afterwards. The store
    that was backed up is not asked, and may be lost. Raises what `restore` raises.
    """
    with scratch_folder() as scratch:
        folder = Path(scratch) / "past"
        await restore(backup, folder, at=at, tell=tell)
        async with open(folder, machines=machines) as store:
            yield store
