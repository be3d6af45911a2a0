"""Syncing every collection of documents through a folder that something else carries.

::

    head       what this store has of every collection, how others stand here     one, the newest
    piece      a page of batches, or of a delta or a state, for whoever lacks it  any number

A round looks at the folder, takes in what others left, leaves what they lack, then its head, and
removes those of its own files that nobody needs any more. Files may arrive in any order, late,
twice or never: a head promises nothing, and what a piece needs it says itself.

Invariants: nothing of another writer is ever changed or removed. What is left is durable here
before, and a head is left only after the pieces that it could make others wait for.

Absent: a watcher of the folder (a round is cheap when nothing has changed), and any other channel.
"""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from plait.api.infos import GraphInfo
from plait.api.settings import Eventual
from plait.base.causality import VersionVector, descends
from plait.base.codec import encode
from plait.base.errors import BadFrame, PlaitError
from plait.base.ports import Clock, Random, Storage
from plait.engines.graph import Replica
from plait.graph.messages import Message
from plait.graph.offers import Answer, Bundle, Piece, assemble
from plait.graph.standin import Entry, StandIn, checked_entry
from plait.host.shared_folder import Found, SharedFolder
from plait.node.folder_report import CollectionReport, RoundReport
from plait.node.folder_round import (
    CollectionRound,
    pack_messages,
    same_entry,
    unpack_messages,
)
from plait.node.folder_writer import Writer, find_writer

HEAD = "head"
PIECE = "piece"
HEADS_KEPT = 2  # the newest may still be under way while the one before has arrived
PARTS_PER_FILE = 32
ADDITIONS_MAX = 32  # files that are added before what is left is made anew as one set
ADDED_BYTES_MAX = 8 << 20  # beyond as much again as the set has


class _Head(msgspec.Struct, frozen=True, array_like=True, tag=4):
    entries: tuple[Entry, ...]


_head_decoder = msgspec.msgpack.Decoder(_Head)
_piece_decoder = msgspec.msgpack.Decoder(Piece)


class Collections(Protocol):
    """The node's collections of documents."""

    def replicas(self) -> list[Replica]: ...

    def infos(self) -> list[GraphInfo]: ...

    async def create(
        self, name: str, settings: Eventual, lineage: str, founder: int, founds: bool
    ) -> None:
        """Log a collection; `founds`: this node is the founder, else it began in another store."""
        ...


class Node(Protocol):
    """The node, as far as folders need it."""

    storage: Storage
    clock: Clock
    random: Random

    @property
    def graphs(self) -> Collections: ...

    def spawn(self, work: Any) -> None:
        """Run something for as long as the node lives."""
        ...


class FolderSync:
    """One node and one folder. One round at a time."""

    def __init__(self, node: Node, path: Path) -> None:
        self.shared = SharedFolder(path)
        self._node = node

    async def round(self) -> RoundReport:
        """Do one round. Raises `StorageError`s if the folder cannot be listed or written."""
        report = RoundReport()
        scan = await asyncio.to_thread(self.shared.scan)
        report.bad += [f"{bad.name}: {bad.why}" for bad in scan.bad]
        writer = await find_writer(self._node.storage, self._node.random, scan.files)
        report.writer = writer.name
        await asyncio.to_thread(self.shared.tidy, writer.name)
        step = _Round(self._node, self.shared, writer, scan.files, report)
        await step.run()
        return report


class _Round:
    """One round: what was found, and what came of it."""

    def __init__(
        self,
        node: Node,
        shared: SharedFolder,
        writer: Writer,
        files: Sequence[Found],
        report: RoundReport,
    ) -> None:
        self.node = node
        self.shared = shared
        self.writer = writer
        self.report = report
        self.own = [file for file in files if writer.owns(file.label)]
        self.others = [file for file in files if not writer.owns(file.label)]
        self.needless: list[Found] = []

    async def run(self) -> None:
        """Take in and leave, collection by collection; then the head; then remove."""
        heads = await self._heads(self.others)
        mine = (await self._heads(self.own)).get(self.writer.name, {})
        await self._join(heads)
        entries: list[Entry] = []
        for replica in self.node.graphs.replicas():
            report = CollectionReport(replica.name)
            self.report.collections.append(report)
            lineage = bytes.fromhex(self._info(replica).lineage)
            theirs = [(w, e[lineage]) for w, e in sorted(heads.items()) if lineage in e]
            try:
                entries.append(await self._collection(replica, lineage, theirs, mine, report))
            except PlaitError as error:
                report.error = report.error or error.message
                if _is_disk(error):
                    raise
                if lineage in mine:
                    entries.append(mine[lineage])
        await self._leave_head(entries, mine)
        for file in self.needless:
            await asyncio.to_thread(self.shared.remove, file)
        self.report.removed = len(self.needless)

    # ------------------------------------------------------------------ heads

    async def _heads(self, files: Iterable[Found]) -> dict[str, dict[bytes, Entry]]:
        """The newest usable entries of each writer, by lineage."""
        newest: dict[str, Found] = {}
        for file in files:
            if file.label.kind == HEAD:
                newest[file.label.writer] = file  # in the order of their numbers
        heads: dict[str, dict[bytes, Entry]] = {}
        for writer, file in newest.items():
            try:
                head = _head_decoder.decode(await asyncio.to_thread(self.shared.read, file))
                heads[writer] = {entry.lineage: checked_entry(entry) for entry in head.entries}
            except (msgspec.DecodeError, RecursionError, BadFrame) as error:
                self._bad(file, f"no head: {error}")
        return heads

    async def _join(self, heads: dict[str, dict[bytes, Entry]]) -> None:
        """Begin a replica of every collection that others have; refuse another of one's name."""
        named: dict[str, dict[bytes, Entry]] = {}
        for _, entries in sorted(heads.items()):
            for lineage, entry in entries.items():
                named.setdefault(entry.name, {})[lineage] = entry
        here = {info.name: bytes.fromhex(info.lineage) for info in self.node.graphs.infos()}
        for name, found in sorted(named.items()):
            strange = [lineage.hex() for lineage in sorted(found) if lineage != here.get(name)]
            if name in here and strange:
                self.report.bad.append(
                    f"WrongLineage: documents {name!r} in the folder began separately as "
                    f"{', '.join(strange)}, here as {here[name].hex()}; they are never joined: "
                    "rename one of them, or let one side join with an empty data folder"
                )
            elif len(strange) > 1:
                self.report.bad.append(
                    f"WrongLineage: documents {name!r} began separately in several stores "
                    f"({', '.join(strange)}); which of them to join must be decided there"
                )
            elif strange:
                await self._begin(next(iter(found.values())))

    async def _begin(self, entry: Entry) -> None:
        try:
            settings = msgspec.convert(
                {"mode": "eventual", "sync": entry.sync, "history": entry.history}, Eventual
            )
            create = self.node.graphs.create
            await create(entry.name, settings, entry.lineage.hex(), entry.founder, False)
        except (PlaitError, msgspec.ValidationError) as error:
            self.report.bad.append(f"documents {entry.name!r} cannot be joined: {error}")

    async def _leave_head(self, entries: list[Entry], mine: dict[bytes, Entry]) -> None:
        heads = [file for file in self.own if file.label.kind == HEAD]
        before = list(mine.values())
        same = len(before) == len(entries) and all(
            same_entry(one, other) for one, other in zip(before, entries, strict=True)
        )
        if not same and (entries or before):
            body = encode(_Head(tuple(entries)))
            heads.append(await self._write(HEAD, b"", body))
        self.needless += heads[:-HEADS_KEPT]

    # ------------------------------------------------------------------ one collection

    async def _collection(
        self,
        replica: Replica,
        lineage: bytes,
        theirs: list[tuple[str, Entry]],
        mine: dict[bytes, Entry],
        report: CollectionReport,
    ) -> Entry:
        stand_ins = [StandIn(entry, writer, self.writer.name) for writer, entry in theirs]
        others = self._bundles(self.others, lineage)
        own = self._bundles(self.own, lineage)
        report.others = len(stand_ins)
        before = VersionVector(replica.vector)
        talk = CollectionRound(replica, stand_ins, others + own, self._load, self.node.clock)
        try:
            await talk.link()
            report.events_in = _gained(before, replica)
            report.admitted = [s.entry.asks or "?" for s in stand_ins if s.welcomed]
            await self._export(talk, lineage, others, own, report)
            entry = await talk.entry(mine.get(lineage), self._info(replica))
            report.asks = bool(entry.asks)
            return entry
        finally:
            talk.unlink()
            report.error = "; ".join(talk.errors)
            report.waits = _waits(replica, theirs)

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
        anew = _worn(needed)
        kept = [] if anew else needed
        async for answer in talk.export([b for b in others if b in talk.bundles] + kept):
            await self._leave(lineage, answer, settled=anew or not kept, report=report)
        whole = {file.path for bundle in kept for file in bundle.pieces}
        for file in self.own:
            piece = _piece_of(file)
            if piece is not None and piece.lineage == lineage and file.path not in whole:
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

    def _bundles(self, files: Iterable[Found], lineage: bytes) -> list[Bundle[Found]]:
        pieces = []
        for file in files:
            piece = _piece_of(file)
            if piece is not None and piece.lineage == lineage:
                pieces.append((file, piece))
        return assemble(pieces)

    async def _load(self, file: Found) -> Sequence[Message]:
        try:
            body = await asyncio.to_thread(self.shared.read, file)
            self.report.bytes_in += len(body)
            return unpack_messages(body)
        except BadFrame as error:
            raise BadFrame(f"{file.path.parent.name}/{file.path.name}: {error.message}") from None

    async def _write(self, kind: str, about: bytes, body: bytes) -> Found:
        label = await self.writer.label(kind, about)
        file = await asyncio.to_thread(self.shared.write, label, body)
        self.report.bytes_out += file.size
        return file

    def _info(self, replica: Replica) -> GraphInfo:
        return next(info for info in self.node.graphs.infos() if info.name == replica.name)

    def _bad(self, file: Found, why: str) -> None:
        self.report.bad.append(f"{file.path.parent.name}/{file.path.name}: {why}")


def _is_disk(error: PlaitError) -> bool:
    return error.code in ("DiskFull", "FolderReadOnly", "StorageError", "ReadOnly")


def _piece_of(file: Found) -> Piece | None:
    if file.label.kind != PIECE:
        return None
    try:
        return _piece_decoder.decode(file.label.about)
    except (msgspec.DecodeError, RecursionError):
        return None  # a later version's


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


def _worn(bundles: Sequence[Bundle[Found]]) -> bool:
    """Whether so much was added to a settled set that it is better made anew."""
    added = [bundle for bundle in bundles if not bundle.settled]
    settled = sum(f.size for b in bundles if b.settled for f in b.pieces)
    size = sum(file.size for bundle in added for file in bundle.pieces)
    return len(added) > ADDITIONS_MAX or size > settled + ADDED_BYTES_MAX
