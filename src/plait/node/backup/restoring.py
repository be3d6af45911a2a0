"""Restoring: a backup becomes the storage of one node, the only one of a new cluster.

The control line is folded here, cleared of the old cluster's nodes, and its log begins anew behind
that; every other line keeps its entries, so whoever opens the store folds them, with the user's
classes where these are needed. Each line then gets an entry that makes the node its only member, in
an epoch far above all that the backups know of. Sessions are in the states and the log: whoever
retries an acknowledged command is answered as before. Graphs: see `graph_restoring`.

Invariant: nothing of the old cluster is accepted, and nothing is accepted by it: the cluster has
another name. The identity is written last: without it the storage is no node's.

Absent: making a folder appear as a whole, which its owner does (`plait.node.backup.folders`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from plait.base.codec import encode
from plait.base.errors import BadSettings, Corrupt, UnknownFormat
from plait.base.ids import hex_id, node_name
from plait.base.ports import AppendRows, Clock, LogWrite, PutHardState, Random, ResetLine, Storage
from plait.engines.checkpoint import load_checkpoint
from plait.line.entry import Entry, Epoch, Kind
from plait.line.membership import Membership, encode_membership
from plait.line.primary import member as primary
from plait.line.quorum import CONSENSUS
from plait.line.raft import member as raft
from plait.line.replication.log_view import Base
from plait.node.backup.choosing import LATEST, Choice, Chosen, Target
from plait.node.backup.contents import entries_from, install_copy, read_rows
from plait.node.backup.folding import Folding
from plait.node.backup.graph_restoring import restore_graph
from plait.node.backup.vault import Pieces, Vault, read_manifests
from plait.node.identity import IDENTITY_LINE, Identity
from plait.node.lines import CONTROL
from plait.node.written import written
from plait.types.commands import RECORDS
from plait.types.control import ControlMachine
from plait.types.control_graphs import graph_records
from plait.types.control_restored import begin_cluster

EPOCHS_AHEAD = 1 << 20  # more than anybody began since the backup
_CLUSTER_MARK = "-restored-"
_MARK_DIGITS = 8


class RestoredLine(NamedTuple):
    """Where a line goes on."""

    line: str
    position: int
    time_ms: int
    epoch: Epoch  # of the entry that makes the node its only member


class Restored(NamedTuple):
    """What a storage is now."""

    node: str
    cluster: str
    former: str  # the cluster that it was a backup of
    lines: tuple[RestoredLine, ...]
    graphs: tuple[str, ...]
    late: dict[str, int]  # collections that the backups have only since these times, and as of then


def describe(restored: Restored) -> dict[str, Any]:
    """What people want to know of a store that was made from backups."""
    return {
        "node": restored.node,
        "cluster": restored.cluster,
        "former": restored.former,
        "lines": {
            line.line: {
                "position": line.position,
                "time_ms": line.time_ms,
                "epoch": str(line.epoch),
            }
            for line in restored.lines
        },
        "documents": list(restored.graphs),
    }


class Progress(NamedTuple):
    """How far a restore is."""

    what: str
    done: int
    of: int


Tell = Callable[[Progress], Any]


async def restore(
    vault: Vault,
    storage: Storage,
    clock: Clock,
    random: Random,
    target: Target = LATEST,
    name: str = "n1",
    tell: Tell = lambda progress: None,
) -> Restored:
    """Fill an empty storage. `BadSettings` for a target that is in no backup, `Corrupt` for a
    damaged one; then the storage is of no use."""
    node_name(name)
    if storage.log.lines():
        raise BadSettings("a backup is restored into an empty folder only")
    pieces = Pieces(vault)
    manifests = [manifest async for manifest in read_manifests(vault)]
    for manifest in manifests:
        if manifest.records > RECORDS:
            raise UnknownFormat(
                f"the backup has records of version {manifest.records}; this program reads "
                f"{RECORDS}: restore it with a newer one"
            )
    choice = Choice(manifests, target, pieces)
    await choice.begin()
    restoring = _Restoring(storage, pieces, choice, name, clock)
    return await restoring.run(random, tell)


class _Restoring:
    """One restore."""

    def __init__(
        self, storage: Storage, pieces: Pieces, choice: Choice, name: str, clock: Clock
    ) -> None:
        self._storage = storage
        self._pieces = pieces
        self._choice = choice
        self._name = name
        self._clock = clock
        self._lines: list[RestoredLine] = []
        self._last: list[LogWrite] = []  # what makes the storage a node's

    async def run(self, random: Random, tell: Tell) -> Restored:
        """Everything, the identity last."""
        folding = await self._control(await self._choice.control())
        machine = ControlMachine()
        records = machine.lines(folding.view)
        graphs = graph_records(folding.view)
        of, late = 1 + len(records) + len(graphs), dict[str, int]()
        tell(Progress(CONTROL, 1, of))
        for record in records:
            chosen = await self._choice.line(record.line)
            if chosen is not None:
                await self._line(chosen, record.acks)
            tell(Progress(record.line, len(self._lines), of))
        for at, graph in enumerate(graphs, 1):
            found = self._choice.graph(graph.lineage)
            if found is not None and found.late:
                late[graph.name] = found.backup.time_ms
            if found is not None:
                self._last += await restore_graph(
                    self._storage, self._pieces, found, graph, self._name
                )
            tell(Progress(graph.name, len(self._lines) + at, of))
        former = self._choice.cluster
        mark = hex_id(random)[:_MARK_DIGITS]
        cluster = f"{former.partition(_CLUSTER_MARK)[0]}{_CLUSTER_MARK}{mark}"
        identity = Identity(self._name, cluster, False, hex_id(random))
        self._last.append(PutHardState(IDENTITY_LINE, encode(identity)))
        await written(self._storage.log, self._last)
        names = tuple(graph.name for graph in graphs)
        return Restored(self._name, cluster, former, tuple(self._lines), names, late)

    async def _control(self, chosen: Chosen) -> Folding:
        """Fold the control line to where it is to end, and let it begin there."""
        state = self._storage.state(CONTROL)
        await install_copy(chosen.copy.blob, self._pieces, state)
        machine = ControlMachine()
        folding = Folding(CONTROL, state, machine, self._clock)
        self._check_copy(chosen, folding.applied)
        entries = entries_from(chosen.backup, chosen.copy.position, chosen.position, self._pieces)
        await folding.carry_on(entries)
        if folding.applied != chosen.position:
            raise Corrupt(f"the control line ends at {folding.applied}, not at {chosen.position}")
        begin_cluster(folding.view, machine, self._name)
        await folding.flush()
        await state.sync()
        base = Base(folding.applied, folding.epochs.current, folding.records)
        await written(self._storage.log, (ResetLine(CONTROL, base.position),))
        self._take_over(CONTROL, CONSENSUS, base, (), base.position, folding.records, chosen)
        return folding

    async def _line(self, chosen: Chosen, acks: str) -> None:
        """A copy of the state, and the entries behind it as they are."""
        line, copy = chosen.backup.line, chosen.copy
        state = self._storage.state(line)
        await install_copy(copy.blob, self._pieces, state)
        await state.sync()
        self._check_copy(chosen, load_checkpoint(state).applied)
        base = Base(copy.position, copy.epoch, copy.records)
        await written(self._storage.log, (ResetLine(line, base.position),))
        epochs: list[tuple[Epoch, int]] = []
        position, records, last = base.position, base.records, base.epoch
        for log in chosen.backup.log:
            if log.end <= position or log.start >= chosen.position:
                continue
            rows: list[bytes] = []
            for at, row, entry in await read_rows(chosen.backup, log, self._pieces):
                if not position <= at < chosen.position:
                    continue
                if entry.record_index != records or entry.kind is Kind.SEAL:
                    raise Corrupt(f"entry {at} of {line} does not follow on those before it")
                if entry.epoch != last:
                    epochs.append((entry.epoch, at))
                    last = entry.epoch
                rows.append(row)
                records = entry.records_end
                position = at + 1
            start = position - len(rows)
            await written(self._storage.log, (AppendRows(line, start, tuple(rows)),))
        if position != chosen.position:
            raise Corrupt(f"{line} ends at {position}, not at {chosen.position}")
        self._take_over(line, acks, base, tuple(epochs), position, records, chosen)

    def _check_copy(self, chosen: Chosen, applied: int) -> None:
        copy = chosen.copy
        if not copy.position <= applied <= min(copy.through, chosen.position):
            raise Corrupt(
                f"a state of {chosen.backup.line} stands at {applied}, not between "
                f"{copy.position} and {copy.through}"
            )

    def _take_over(
        self,
        line: str,
        acks: str,
        base: Base,
        epochs: tuple[tuple[Epoch, int], ...],
        tail: int,
        records: int,
        chosen: Chosen,
    ) -> None:
        """Make the node the line's only member, from its tail on."""
        epoch = Epoch(self._choice.highest_epoch(line) + EPOCHS_AHEAD, self._name)
        membership = Membership((self._name,))
        plain = Entry(encode_membership(membership), 0, Kind.MEMBERS, self._clock.wall_ms())
        entry = plain.stamped(epoch, records)
        epochs, memberships = (*epochs, (epoch, tail)), ((tail, membership),)
        hard: raft.HardState | primary.HardState
        if acks == CONSENSUS:
            hard = raft.HardState(
                epoch.number, fresh=False, base=base, epochs=epochs, memberships=memberships
            )
        else:
            hard = primary.HardState(
                epoch, fresh=False, base=base, epochs=epochs, memberships=memberships
            )
        self._last += [
            AppendRows(line, tail, (entry.encode(),)),
            PutHardState(line, encode(hard)),
        ]
        self._lines.append(RestoredLine(line, tail, chosen.time_ms, epoch))
