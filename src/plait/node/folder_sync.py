"""Syncing every collection of documents through something that carries files: a folder, a relay.

::

    head       what this store has of every collection, how others stand here     one, the newest
    piece      a page of batches, or of a delta or a state, for whoever lacks it  any number

A round looks at what is there, takes in what others left, leaves what they lack, then its head, and
removes those of its own files that nobody needs any more. Files may arrive in any order, late,
twice or never: a head promises nothing, and what a piece needs it says itself.

Where everybody hears at once of what was left, most rounds are *quick*: what can wait (saying what
was seen, doing what another can do as well) is put off until a calm one, a moment later.

Invariants: nothing of another writer is ever changed or removed. What is left is durable here
before, and a head is left only after the pieces that it could make others wait for.

Absent: when rounds are done (`folder_handle`, `relay_handle`), and the carriers (`carrier`).
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import msgspec

from plait.api.infos import GraphInfo
from plait.base.causality import Context, VersionVector, descends
from plait.base.codec import encode
from plait.base.errors import BadFrame, PlaitError
from plait.base.ports import Clock, Random, Storage
from plait.engines.graph import Replica
from plait.graph.messages import Message
from plait.graph.offers import Answer, Bundle, Piece, assemble
from plait.graph.standin import Entry, StandIn
from plait.host.shared_folder import Found, SharedFolder
from plait.node.carrier import Carrier, FolderCarrier
from plait.node.folder_heads import HEAD, Entries, Heads, begin_others, encode_head
from plait.node.folder_heads import Collections as Beginning
from plait.node.folder_report import CollectionReport, RoundReport
from plait.node.folder_round import (
    CollectionRound,
    pack_messages,
    same_entry,
    timeless,
    unpack_messages,
)
from plait.node.folder_writer import PREFIX, Writer, find_writer

PIECE = "piece"
PARTS_PER_FILE = 32
ADDED_BYTES_MAX = 8 << 20  # beyond as much again as the set has
ADDITIONS_FREE = 32  # so many never wear a set, more do if they are a quarter of it

_piece_decoder = msgspec.msgpack.Decoder(Piece)
_Pieces = dict[bytes, list[tuple[Found, Piece]]]  # by lineage


class Pace(Enum):
    """How thorough a round is."""

    QUICK = 0  # what others wait for
    CALM = 1  # everything, of what has changed
    FULL = 2  # everything


class Collections(Beginning, Protocol):
    """The node's collections of documents."""

    def replicas(self) -> list[Replica]: ...


class Node(Protocol):
    """The node, as far as rounds need it."""

    storage: Storage
    clock: Clock
    random: Random

    @property
    def graphs(self) -> Collections: ...

    def spawn(self, work: Any) -> None:
        """Run something for as long as the node lives."""
        ...


class CarrierSync:
    """One node and one carrier. One round at a time."""

    def __init__(
        self, node: Node, carrier: Carrier, writers: str = PREFIX, begins: bool = True
    ) -> None:
        """writers: prefix of the lines that keep who this store is there; begins: whether a
        collection of others is begun here."""
        self.node = node
        self.carrier = carrier
        self.begins = begins
        self.heads = Heads(carrier)
        self.seen: dict[tuple[Pace, bytes], object] = {}  # how a collection was after such a round
        self._writers = writers

    async def round(self, pace: Pace = Pace.FULL) -> RoundReport:
        """Do one round. Raises what the carrier does if it cannot be listed or written."""
        report = RoundReport()
        scan = await self.carrier.scan()
        report.bad += [f"{bad.name}: {bad.why}" for bad in scan.bad]
        node = self.node
        writer = await find_writer(node.storage, node.random, scan.files, self._writers)
        report.writer = writer.name
        await self.carrier.tidy(writer.name)
        await _Round(self, pace, writer, scan.files, report).run()
        self.heads.forget(scan.files)
        return report


class FolderSync(CarrierSync):
    """One node and one folder."""

    def __init__(self, node: Node, path: Path) -> None:
        self.shared = SharedFolder(path)
        super().__init__(node, FolderCarrier(self.shared))


class _Round:
    """One round: what was found, and what came of it."""

    def __init__(
        self,
        sync: CarrierSync,
        pace: Pace,
        writer: Writer,
        files: Sequence[Found],
        report: RoundReport,
    ) -> None:
        self.sync = sync
        self.node = sync.node
        self.carrier = sync.carrier
        self.quick = pace is Pace.QUICK
        self.pace = pace
        self.writer = writer
        self.report = report
        self.own = [file for file in files if writer.owns(file.label)]
        self.others = [file for file in files if not writer.owns(file.label)]
        self.own_pieces = _pieces(self.own)
        self.other_pieces = _pieces(self.others)
        self.needless: list[Found] = []
        self.told: dict[bytes, Context] = {}  # what was here when it was seen what others lack

    async def run(self) -> None:
        """Take in and leave, collection by collection; then the head; then remove."""
        heads = await self.sync.heads.newest(self.others, self.report)
        mine = (await self.sync.heads.newest(self.own, self.report)).get(self.writer.name, {})
        if self.sync.begins:
            await begin_others(self.node.graphs, heads, self.report)
        infos = {info.name: info for info in self.node.graphs.infos()}
        entries: list[Entry] = []
        for replica in self.node.graphs.replicas():
            info = infos.get(replica.name)
            if info is None:
                continue  # it is being dropped
            lineage = bytes.fromhex(info.lineage)
            theirs = [(w, e[lineage]) for w, e in sorted(heads.items()) if lineage in e]
            if lineage in mine and self._same(replica, lineage, theirs):
                entries.append(mine[lineage])
                continue
            report = CollectionReport(replica.name)
            self.report.collections.append(report)
            try:
                entries.append(await self._collection(replica, info, theirs, mine, report))
                self.sync.seen[self.pace, lineage] = self._state(replica, lineage, theirs)
            except PlaitError as error:
                report.error = report.error or error.message
                if _is_disk(error):
                    raise
                if lineage in mine:
                    entries.append(mine[lineage])
        await self._leave_heads(entries, mine)
        if self.report.bytes_out or not self.quick:
            for file in self.needless:
                await self.carrier.remove(file)
            self.report.removed = len(self.needless)
        await self.carrier.commit(urgent=self.report.urgent)

    async def _leave_heads(self, entries: list[Entry], mine: Entries) -> None:
        apart = self.carrier.heads_apart
        groups = {entry.lineage: [entry] for entry in entries} if apart else {b"": entries}
        heads: dict[bytes, list[Found]] = {about: [] for about in groups}
        for file in self.own:
            if file.label.kind == HEAD:
                heads.setdefault(file.label.about, []).append(file)
        for about, group in groups.items():
            before = [entry for lineage, entry in mine.items() if about in (b"", lineage)]
            same = len(before) == len(group) and all(
                same_entry(one, other) for one, other in zip(before, group, strict=True)
            )
            if not same and (group or before):
                heads[about].append(await self._write(HEAD, about, encode_head(group)))
        for about, files in heads.items():
            kept = self.carrier.heads_kept if about in groups else 0
            self.needless += files[: max(len(files) - kept, 0)]

    # ------------------------------------------------------------------ what has changed

    def _same(self, replica: Replica, lineage: bytes, theirs: list[tuple[str, Entry]]) -> bool:
        """Whether nothing has changed since such a round, or a more thorough one."""
        if self.pace is Pace.FULL:
            return False
        now = self._state(replica, lineage, theirs)
        return any(
            self.sync.seen.get((pace, lineage)) == now
            for pace in Pace
            if pace.value >= self.pace.value
        )

    def _state(self, replica: Replica, lineage: bytes, theirs: list[tuple[str, Entry]]) -> object:
        pieces = [file.label for file, _ in self.other_pieces.get(lineage, ())]
        entries = [(writer, timeless(entry)) for writer, entry in theirs]
        vector = self.told.get(lineage, replica.vector)
        return replica.replica, dict(vector), entries, pieces

    # ------------------------------------------------------------------ one collection

    async def _collection(
        self,
        replica: Replica,
        info: GraphInfo,
        theirs: list[tuple[str, Entry]],
        mine: Entries,
        report: CollectionReport,
    ) -> Entry:
        lineage = bytes.fromhex(info.lineage)
        stand_ins = [StandIn(e, w, self.writer.name) for w, e in self._patient(replica, theirs)]
        others = assemble(self.other_pieces.get(lineage, ()))
        own = assemble(self.own_pieces.get(lineage, ()))
        report.others = len(stand_ins)
        self.report.put_off |= self.quick
        before = VersionVector(replica.vector)
        talk = CollectionRound(
            replica, stand_ins, others + own, self._load, self.node.clock, self.writer.name
        )
        try:
            await talk.link(says=not self.quick)
            report.events_in = _gained(before, replica)
            self.told[lineage] = dict(replica.vector)
            report.admitted = [s.entry.asks or "?" for s in stand_ins if s.welcomed]
            await self._export(talk, lineage, others, own, report)
            entry = await talk.entry(mine.get(lineage), info)
            report.asks = bool(entry.asks)
            return self._timely(entry, mine.get(lineage), report)
        finally:
            talk.unlink()
            report.error = "; ".join(talk.errors)
            report.waits = _waits(replica, theirs)

    def _patient(
        self, replica: Replica, theirs: list[tuple[str, Entry]]
    ) -> list[tuple[str, Entry]]:
        """Where several could admit a newcomer one does it, who is calm first."""
        members = replica.parts.scope.members
        new = {w for w, e in theirs if e.asks and not members.is_member(e.greeting.replica)}
        if not self.quick or not new or len(new) == len(theirs):
            return theirs
        self.report.put_off_soon = True
        strip = msgspec.structs.replace
        return [(w, strip(e, asks="") if w in new else e) for w, e in theirs]

    def _timely(self, entry: Entry, earlier: Entry | None, report: CollectionReport) -> Entry:
        """What to say of a collection now: no more than before, if nobody waits for it."""
        if earlier is None or report.bytes_out or _standings(entry) != _standings(earlier):
            self.report.urgent = True
            return entry
        return earlier if self.quick else entry

    async def _export(
        self,
        talk: CollectionRound[Found],
        lineage: bytes,
        others: list[Bundle[Found]],
        own: list[Bundle[Found]],
        report: CollectionReport,
    ) -> None:
        """Leave what is lacked. When many small additions have gathered, all is left anew."""
        served = talk.served()
        if not served:
            return
        needed = [b for b in own if not all(descends(v, b.reaches) for v in served)]
        usable = [b for b in others if b in talk.bundles]
        if self.quick and (
            talk.all_live() or descends(talk.elsewhere(usable + needed), talk.replica.vector)
        ):
            return  # others have it, and the first who is calm will leave it
        anew = _worn(needed, self.carrier.additions_max)
        kept = [] if anew else needed
        async for answer in talk.export(usable + kept):
            await self._leave(lineage, answer, settled=anew or not kept, report=report)
        whole = {file.path for bundle in kept for file in bundle.pieces}
        for file, _ in self.own_pieces.get(lineage, ()):
            if file.path not in whole:
                self.needless.append(file)

    async def _leave(
        self, lineage: bytes, answer: Answer, settled: bool, report: CollectionReport
    ) -> None:
        messages = answer.messages
        first = f"{self.writer.name}-{self.node.random.getrandbits(64):016x}"
        cuts = range(0, len(messages), PARTS_PER_FILE)
        for index, start in enumerate(cuts):
            piece = Piece(
                lineage, first, index, index == len(cuts) - 1, answer.road,
                answer.needs.pairs(), answer.reaches.pairs(), settled,
            )  # fmt: skip
            body = pack_messages(messages[start : start + PARTS_PER_FILE])
            file = await self._write(PIECE, encode(piece), body)
            report.bytes_out += file.size
        new = answer.reaches.items()
        report.events_out += sum(max(0, seq - answer.needs.get(r, 0)) for r, seq in new)

    async def _load(self, file: Found) -> Sequence[Message]:
        try:
            body = await self.carrier.read(file)
            self.report.bytes_in += len(body)
            return unpack_messages(body)
        except BadFrame as error:
            raise BadFrame(f"{file.name}: {error.message}") from None

    async def _write(self, kind: str, about: bytes, body: bytes) -> Found:
        label = await self.writer.label(kind, about)
        file = await self.carrier.write(label, body)
        self.report.bytes_out += file.size
        return file


def _is_disk(error: PlaitError) -> bool:
    return error.code in ("DiskFull", "FolderReadOnly", "StorageError", "ReadOnly")


def _piece_of(file: Found) -> Piece | None:
    if file.label.kind != PIECE:
        return None
    try:
        return _piece_decoder.decode(file.label.about)
    except (ValueError, RecursionError):
        return None  # a later version's


def _pieces(files: Iterable[Found]) -> _Pieces:
    pieces: _Pieces = {}
    for file in files:
        piece = _piece_of(file)
        if piece is not None:
            pieces.setdefault(piece.lineage, []).append((file, piece))
    return pieces


def _standings(entry: Entry) -> object:
    """What somebody may wait for who reads an entry, apart from what it has seen."""
    judged = [
        (j.writer, j.replica, j.standing.member, j.standing.retired, j.standing.verdict)
        for j in entry.judged
    ]
    return entry.greeting.replica, entry.asks, entry.marks, judged


def _gained(before: VersionVector, replica: Replica) -> int:
    """Events of others that are here now and were not before."""
    mine = replica.replica
    now = replica.vector.items()
    return sum(max(0, seq - before.get(r, 0)) for r, seq in now if r != mine)


def _waits(replica: Replica, theirs: list[tuple[str, Entry]]) -> str:
    """What others say that they have, and that is not here."""
    seen = VersionVector()
    for _, entry in theirs:
        seen.merge(entry.vector)
    missing = sum(max(0, seq - replica.vector.get(r, 0)) for r, seq in seen.items())
    if not missing:
        return ""
    return f"{missing} event{'s have' if missing > 1 else ' has'} not arrived yet"


def _worn(bundles: Sequence[Bundle[Found]], additions_max: int) -> bool:
    """Whether so much was added to a settled set that it is better made anew."""
    added = [bundle for bundle in bundles if not bundle.settled]
    settled = sum(f.size for b in bundles if b.settled for f in b.pieces)
    size = sum(file.size for bundle in added for file in bundle.pieces)
    if len(added) > additions_max or size > settled + ADDED_BYTES_MAX:
        return True
    return len(added) > ADDITIONS_FREE and 4 * size > settled
