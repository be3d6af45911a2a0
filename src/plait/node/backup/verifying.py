"""Verifying backups: every byte, every chain of entries, and (deep) every fold.

A plain look reads every piece that a manifest names, and sees that the entries of each line follow
on each other up to the cut. A deep one also folds each line of the newest backup from every copy of
its state, and compares the state's hash with what the node that was backed up had; and it builds
every collection of documents.

Invariant: what is reported is wrong with the folder. What could not be looked at (a machine whose
class is not here) is said apart from that.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from plait.base.causality import descends, vector_of
from plait.base.errors import MachineStopped, PlaitError, UnknownFormat
from plait.base.ports import Clock, Random, Storage
from plait.engines.graph.options import GraphOptions
from plait.node.backup.choosing import ChosenGraph
from plait.node.backup.contents import entries_from, install_copy, read_batches
from plait.node.backup.folding import Folding
from plait.node.backup.graph_restoring import load_parts, options_of
from plait.node.backup.layout import GraphBackup, LineBackup, Manifest, StateCopy
from plait.node.backup.taking import control_of
from plait.node.backup.vault import Pieces, Vault, manifest_names, read_manifest, whose
from plait.types.commands import RECORDS
from plait.types.control import ControlMachine, machine_of
from plait.types.control_graphs import graph_records
from plait.types.fold import View
from plait.types.machine import Machine
from plait.types.machines import Machines
from plait.types.state_machine import StateMachine
from plait.types.table import TableMachine
from plait.types.user_machine import UserMachine


class Verdict(NamedTuple):
    """What was found."""

    manifests: int  # that can be restored
    pieces: int  # that were read
    bytes: int
    folded: int  # states that came to the hash that they had
    wrong: tuple[str, ...]
    unknown: tuple[str, ...]  # what could not be looked at, and why


Tell = Callable[[str], Any]


async def verify(
    vault: Vault,
    scratch: Storage | None = None,
    *,
    clock: Clock,
    random: Random,
    machines: tuple[type[StateMachine], ...] = (),
    tell: Tell = lambda what: None,
) -> Verdict:
    """Look at everything; deeply, if there is an empty `scratch` storage to fold states in.

    Raises `BadSettings` for a folder that is no backup; everything else is in the verdict.
    """
    await whose(vault)
    looking = _Looking(vault, tell)
    sound: list[Manifest] = []
    for name in await manifest_names(vault):
        tell(name)
        manifest = await looking.manifest(name)
        if manifest is not None:
            sound.append(manifest)
    if scratch is not None and sound:
        folder = _Folder(looking, scratch, clock, Machines(random, machines), tell)
        await folder.all(sound[-1])
    return Verdict(
        len(sound), len(looking.read), sum(looking.read.values()), looking.folded,
        tuple(looking.wrong), tuple(looking.unknown),
    )  # fmt: skip


class _Looking:
    """What was looked at, and found."""

    def __init__(self, vault: Vault, tell: Tell) -> None:
        self.pieces = Pieces(vault)
        self.read: dict[str, int] = {}  # sizes of good pieces, by digest
        self.wrong: list[str] = []
        self.unknown: list[str] = []
        self.folded = 0
        self._vault = vault
        self._tell = tell
        self._bad: dict[str, None] = {}
        self._good: dict[LineBackup, None] = {}

    async def manifest(self, name: str) -> Manifest | None:
        """The manifest, if all of it is there and follows."""
        before = len(self.wrong)
        try:
            manifest = await read_manifest(self._vault, name)
        except PlaitError as error:
            self.wrong.append(error.message)
            return None
        if manifest.records > RECORDS:
            self.unknown.append(f"{name} has records of version {manifest.records}")
        for digest, piece in manifest.pieces().items():
            if digest in self.read:
                continue
            try:
                self.read[digest] = len(await self.pieces.get(piece))
            except PlaitError as error:
                self._bad[digest] = None
                self.wrong.append(error.message)
        if any(digest in self._bad for digest in manifest.pieces()):
            if len(self.wrong) == before:
                self.wrong.append(f"{name} needs a piece that is damaged")
            return None
        for line in manifest.lines:
            await self._line(line)
        for graph in manifest.graphs:
            for part in (part for one in (*graph.before, graph) for part in one.batches):
                await self.attempt(graph.name, read_batches(part, self.pieces))
        return manifest if len(self.wrong) == before else None

    async def _line(self, line: LineBackup) -> None:
        if line in self._good:
            return
        self._good[line] = None

        async def chain() -> None:
            start, end = line.copies[0].position, (line.epoch, line.records)
            async for _, entry in entries_from(line, start, line.position, self.pieces):
                end = (entry.epoch, entry.records_end)
            if end != (line.epoch, line.records):
                self.wrong.append(f"{line.line} does not end as its cut says")

        await self.attempt(line.line, chain())

    async def attempt(self, what: str, work: Any) -> Any:
        """Do something that may find that all is not well."""
        try:
            return await work
        except (MachineStopped, UnknownFormat) as error:
            self.unknown.append(f"{what}: {error.message}")
        except PlaitError as error:
            self.wrong.append(f"{what}: {error.message}")
        return None


class _Folder:
    """Folds everything of one backup, in a storage that nobody needs."""

    def __init__(
        self, looking: _Looking, scratch: Storage, clock: Clock, machines: Machines, tell: Tell
    ) -> None:
        self._looking = looking
        self._scratch = scratch
        self._clock = clock
        self._machines = machines
        self._tell = tell

    async def all(self, manifest: Manifest) -> None:
        """Every line from every copy, the control line first; then every graph."""
        control, view = control_of(manifest), None
        for copy in control.copies:
            work = self._fold(control, copy, ControlMachine())
            folding = await self._looking.attempt(control.line, work)
            view = view if folding is None else folding.view
        if view is None:
            return
        for line in manifest.lines:
            self._tell(line.line)
            for copy in line.copies if line is not control else ():
                work = self._fold(line, copy, self._machine(line.line, view))
                await self._looking.attempt(line.line, work)
        records = {record.lineage: record for record in graph_records(view)}
        for graph in manifest.graphs:
            self._tell(graph.name)
            if graph.lineage in records:
                options = options_of(records[graph.lineage], manifest.node)
                for one in (*graph.before, graph):
                    await self._looking.attempt(graph.name, self._build(one, options))

    def _machine(self, line: str, view: View) -> Machine:
        name = machine_of(line)
        record = None if name is None else ControlMachine().machine(view, name)
        if record is None:
            return TableMachine()
        return UserMachine(record.name, record.class_name, self._machines)

    async def _build(self, graph: GraphBackup, options: GraphOptions) -> None:
        looking = self._looking
        chosen = ChosenGraph(graph, None)
        parts, _ = await load_parts(self._scratch, looking.pieces, chosen, options)
        if descends(parts.scope.vector, vector_of(graph.vector)):
            looking.folded += 1
        else:
            looking.wrong.append(f"documents {graph.name!r} lack events of the cut")

    async def _fold(self, line: LineBackup, copy: StateCopy, machine: Machine) -> Folding:
        looking, state = self._looking, self._scratch.state(line.line)
        await install_copy(copy.blob, looking.pieces, state)
        folding = Folding(line.line, state, machine, self._clock)
        if not copy.position <= folding.applied <= copy.through:
            looking.wrong.append(
                f"a state of {line.line} stands at {folding.applied}, not between "
                f"{copy.position} and {copy.through}"
            )
        entries = entries_from(line, copy.position, line.position, looking.pieces)
        await folding.carry_on(entries)
        if (folding.applied, folding.records) != (line.position, line.records):
            looking.wrong.append(f"{line.line} was folded to {folding.applied}")
        elif line.state_hash and folding.state_hash and folding.state_hash != line.state_hash:
            looking.wrong.append(
                f"the state of {line.line} comes to {folding.state_hash} at {line.position}, and "
                f"to {line.state_hash} where it was backed up"
            )
        else:
            looking.folded += 1
        return folding
