"""Taking a backup at one node, while it works: the whole store as of one cut.

Every line is first caught up with what was acknowledged before the backup began, at any node. Then,
in one turn of the event loop, it is noted where each line stands here (the *cut*); what is below is
copied from state and log, which go on meanwhile. Documents follow, each collection as it stands
when its turn comes. The manifest is last.

What that gives: the collections of one line are consistent with each other, and the control line
knows every line that is there. Lines among each other stand where this node stood at one moment,
which is at least where each was when the backup began, and is not one moment of the whole cluster.

A backup that takes the place of another has every moment that one had, or those since some time.

Invariant: nothing is a backup before its manifest is; what an interrupted one left is used by the
next.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

from msgspec.structs import replace

from plait.base.errors import Busy, Diverged, MachineStopped, NotLeader, PlaitError, Unavailable
from plait.base.ports import Clock, Random, Storage
from plait.line.membership import Membership
from plait.line.quorum import CONSENSUS
from plait.node.backup.graph_taking import take_gone, take_graph
from plait.node.backup.layout import GraphBackup, LineBackup, Manifest, manifest_number, piece_name
from plait.node.backup.line_taking import LineTaking, Unsettled
from plait.node.backup.tap import Tap
from plait.node.backup.throttle import Courtesy, Rate, Throttle
from plait.node.backup.vault import (
    Pieces,
    Vault,
    begin,
    manifest_names,
    named_or_latest,
    next_number,
    put_manifest,
)
from plait.node.choices import Choices
from plait.node.followers import Followers
from plait.node.graphs import Graphs
from plait.node.line_host import LineHost
from plait.node.lines import CONTROL
from plait.node.tails import Tails
from plait.node.versions import Versions
from plait.types.control import ControlMachine

ATTEMPTS = 5
COPY_AFTER_BYTES = 8 << 20  # of log, since the last copy of a state: a new one is due
CAUGHT_UP_S = 10.0
_TOKEN_BITS = 32
_PAUSE_S = 0.1


class Owner(Protocol):
    """The node, as far as a backup needs it."""

    name: str
    cluster: str
    storage: Storage
    clock: Clock
    random: Random
    control: LineHost
    control_machine: ControlMachine
    lines: dict[str, LineHost]
    graphs: Graphs
    versions: Versions
    tails: Tails
    followers: Followers
    choices: Choices

    @property
    def membership(self) -> Membership: ...

    def hosts(self) -> list[LineHost]: ...

    def check_open(self) -> None: ...

    async def reconcile(self) -> None: ...


class Progress(NamedTuple):
    """How far a backup is."""

    what: str  # the line or collection that is done
    done: int
    of: int
    written_bytes: int  # to the folder, so far


class Taken(NamedTuple):
    """A finished backup."""

    name: str  # of its manifest
    manifest: Manifest
    written: int  # pieces that were not there
    written_bytes: int
    former: str  # the manifest that it was to supersede; "" if it is still that one


class Keeping(NamedTuple):
    """Which moments of an earlier backup are wanted in the next."""

    since_ms: int | None  # None: none that the next does not have by itself
    taps: Mapping[str, Tap]  # by lineage: on collections of documents, where there are some


Tell = Callable[[Progress], Any]


async def take_backup(
    node: Owner,
    vault: Vault,
    tell: Tell = lambda progress: None,
    supersedes: str = "",
    copy_after: int = COPY_AFTER_BYTES,
    keeping: Keeping | None = None,
    bytes_per_s: float | None = None,
) -> Taken:
    """Add a backup to the vault, and take the manifest called `supersedes` away: its pieces stay.

    It stays itself if it has moments that this one could not take over: `Taken.former`. The new
    one goes on from it and no other: what somebody else put there may reach back less far.

    copy_after: how many bytes of log, or of batches, a restore may have to carry out on a copy.
    keeping: which moments are wanted of those that the earlier one has; all, with `supersedes`.
    bytes_per_s: no faster than that; None: as fast as leaves others their writes (`throttle`).
    `BadSettings` if the vault is somebody else's, `Unavailable` if this node cannot know what was
    acknowledged elsewhere, `Diverged` if it is in quarantine.
    """
    _check_fit(node)
    await begin(vault, node.cluster)
    rule = Courtesy() if bytes_per_s is None else Rate(bytes_per_s)
    throttle = Throttle(rule, node.clock, partial(_records_taken, node))
    began_ms, pieces = node.clock.wall_ms(), Pieces(vault, throttle)
    if keeping is None:
        keeping = Keeping(0 if supersedes else None, {})
    work = partial(
        _take, node, vault, pieces, began_ms, tell, supersedes, copy_after, keeping
    )  # fmt: skip
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(Unsettled, Busy):
            return await work()
        await asyncio.sleep(_PAUSE_S)
    return await work()


async def _take(
    node: Owner, vault: Vault, pieces: Pieces, began_ms: int, tell: Tell, supersedes: str,
    copy_after: int, keeping: Keeping,
) -> Taken:  # fmt: skip
    """One attempt. What it counts on may be pruned meanwhile: it looks again when the manifest is
    there, which keeps everything that it names from then on (see `pruning`)."""
    before, earlier = await named_or_latest(vault, supersedes) or ("", None)
    number = await next_number(vault)
    lines, time_ms, anew = await _take_lines(node, earlier, pieces, tell, copy_after, keeping)
    graphs = await _take_graphs(node, earlier, pieces, tell, copy_after, keeping)
    manifest = Manifest(
        number, node.cluster, node.name, node.versions.enabled, began_ms, time_ms, lines, graphs,
        keeping.since_ms or 0,
    )  # fmt: skip
    if earlier is not None and supersedes and _same(earlier, manifest):
        return Taken(supersedes, earlier, pieces.written, pieces.written_bytes, "")
    if not await pieces.still_there():
        raise Unsettled("old backups were removed meanwhile")
    token = f"{node.random.getrandbits(_TOKEN_BITS):08x}"
    name = await put_manifest(vault, manifest, token)
    if not await _is_whole(vault, manifest, before, pieces):
        await vault.remove(name)
        raise Unsettled("old backups were removed meanwhile")
    if manifest_number(supersedes) is not None and not anew:
        await vault.remove(supersedes)
    return Taken(name, manifest, pieces.written, pieces.written_bytes, supersedes)


def report_of(taken: Taken) -> dict[str, Any]:
    """What people want to know of a backup."""
    manifest = taken.manifest
    return {
        "backup": taken.name,
        "node": manifest.node,
        "cluster": manifest.cluster,
        "time_ms": manifest.time_ms,
        "positions": {line.line: line.position for line in manifest.lines},
        "documents": [graph.name for graph in manifest.graphs if not graph.gone_ms],
        "written_bytes": taken.written_bytes,
    }


async def _is_whole(vault: Vault, manifest: Manifest, before: str, pieces: Pieces) -> bool:
    """Whether all that the manifest names is there, if it was when the one before it was."""
    if not await pieces.still_there():
        return False
    if not before or before in await manifest_names(vault):
        return True  # manifests go before pieces
    for piece in manifest.pieces().values():
        if await vault.size(piece_name(piece.digest)) != piece.size:
            return False
    return True


def _same(earlier: Manifest, manifest: Manifest) -> bool:
    """Whether nothing was written between two backups."""
    lines = [(line.line, line.position, line.epoch, line.copies) for line in manifest.lines]
    before = [(line.line, line.position, line.epoch, line.copies) for line in earlier.lines]
    return (lines, manifest.graphs) == (before, earlier.graphs)


def _check_fit(node: Owner) -> None:
    """Raise unless this node has something to copy that can be relied on."""
    node.check_open()
    if node.name in node.membership.witnesses:
        raise NotLeader(f"{node.name} is a witness: it keeps no states to copy", leader=None)
    if node.followers.mine is not None:
        raise NotLeader(f"{node.name} is a delayed follower: ask another node", leader=None)
    if node.choices.mine is not None:
        raise node.choices.refusal("all of the store")
    if node.storage.log.suspect is not None:
        raise Unavailable(
            f"the log of {node.name} is not to be trusted: {node.storage.log.suspect}"
        )


async def _take_lines(
    node: Owner, earlier: Manifest | None, pieces: Pieces, tell: Tell, copy_after: int,
    keeping: Keeping,
) -> tuple[tuple[LineBackup, ...], int, bool]:  # fmt: skip
    """The lines, the moment of the cut, and whether some line begins anew."""
    await _caught_up(node)
    known = {} if earlier is None else {line.line: line for line in earlier.lines}
    acks = {record.line: record.acks for record in _records(node)}
    takings = [
        LineTaking(
            host, acks.get(host.line, CONSENSUS), node.storage.state(host.line),
            known.get(host.line), pieces, copy_after, keeping.since_ms,
        )
        for host in node.hosts()
    ]  # fmt: skip
    for taking in takings:
        await taking.prepare()
    if {record.line for record in _records(node)} != set(acks):
        raise Unsettled("a line was made meanwhile")
    time_ms = node.clock.wall_ms()
    for taking in takings:
        taking.cut(time_ms)
    lines = []
    for taking in takings:
        lines.append(await taking.gather())
        tell(Progress(taking.line, len(lines), len(takings), pieces.written_bytes))
    return tuple(lines), time_ms, any(taking.broken_off for taking in takings)


def _records_taken(node: Owner) -> int:
    """How much was ever written, as far as this node has heard."""
    lines = sum(host.replica.record_index for host in node.hosts())
    return lines + sum(each.parts.scope.vector.count() for each in node.graphs.replicas())


def _records(node: Owner) -> list[Any]:
    return list(node.control_machine.lines(node.control.replica.view))


async def _caught_up(node: Owner) -> None:
    """Return once everything that was acknowledged before is applied here, on every line."""
    await _line_caught_up(node, node.control)
    await node.reconcile()
    missing = [record.line for record in _records(node) if record.line not in node.lines]
    if missing:
        raise Unsettled(f"{node.name} has not opened {', '.join(missing)} yet")
    await asyncio.gather(*[_line_caught_up(node, host) for host in node.lines.values()])


async def _line_caught_up(node: Owner, host: LineHost) -> None:
    halted = host.replica.halted
    if isinstance(halted, Diverged):
        raise halted
    if halted is not None and not isinstance(halted, MachineStopped):
        raise Unavailable(f"{host.line} stands still at {node.name}: {halted.message}")
    if host.fresh:
        raise Unavailable(f"{node.name} has a new disk and has not caught up on {host.line}")
    position = await node.tails.of(host.line, CAUGHT_UP_S)
    if halted is None:
        await host.replica.wait_applied(position, CAUGHT_UP_S)
        return
    try:
        async with asyncio.timeout(CAUGHT_UP_S):  # it cannot fold here; its log goes on
            while host.loglet.committed < position:
                await host.loglet.wait(host.loglet.committed)
    except TimeoutError:
        raise Unavailable(f"{node.name} did not catch up on {host.line} in time") from None


async def _take_graphs(
    node: Owner, earlier: Manifest | None, pieces: Pieces, tell: Tell, copy_after: int,
    keeping: Keeping,
) -> tuple[GraphBackup, ...]:  # fmt: skip
    known = {} if earlier is None else {graph.lineage: graph for graph in earlier.graphs}
    replicas = node.graphs.replicas()
    graphs: list[GraphBackup] = []
    for replica in replicas:
        lineage = replica.parts.options.lineage
        try:
            graphs.append(
                await take_graph(
                    replica, known.get(lineage), pieces, node.clock, copy_after,
                    keeping.since_ms, keeping.taps.get(lineage),
                )
            )  # fmt: skip
        except PlaitError:
            if any(each is replica for each in node.graphs.replicas()):
                raise
            continue  # dropped meanwhile
        tell(Progress(replica.name, len(graphs), len(replicas), pieces.written_bytes))
    return (*graphs, *await _gone(node, known, graphs, pieces, keeping))


async def _gone(
    node: Owner, known: dict[str, GraphBackup], graphs: list[GraphBackup], pieces: Pieces,
    keeping: Keeping,
) -> list[GraphBackup]:  # fmt: skip
    """Collections that were dropped, and that moments which are kept still need."""
    if keeping.since_ms is None:
        return []
    now_ms, there = node.clock.wall_ms(), {graph.lineage for graph in graphs}
    gone = []
    for lineage in dict.fromkeys((*known, *keeping.taps)):
        graph, tap = known.get(lineage), keeping.taps.get(lineage)
        if lineage in there or (graph is not None and 0 < graph.gone_ms <= keeping.since_ms):
            continue
        if tap is not None and not (graph is not None and graph.gone_ms):
            graph = await take_gone(tap, graph, pieces, node.clock)
        if graph is not None:
            gone.append(replace(graph, gone_ms=graph.gone_ms or now_ms))
    return gone


def control_of(manifest: Manifest) -> LineBackup:
    """The control line of a backup."""
    return next(line for line in manifest.lines if line.line == CONTROL)
