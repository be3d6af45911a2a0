"""Heads: what each store that meets others in a carrier says that it has, collection by collection.

Invariant: a collection that others have is begun here under its own lineage, or not at all: one of
the same name that began separately is reported and never joined.

Absent: pieces, and what a head leads to (`folder_sync`).
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from plait.api.infos import GraphInfo
from plait.api.settings import Eventual
from plait.base.codec import encode
from plait.base.errors import BadFrame, PlaitError
from plait.graph.standin import Entry, checked_entry
from plait.host.shared_folder import Found
from plait.node.carrier import Carrier
from plait.node.folder_report import RoundReport

HEAD = "head"


class _Head(msgspec.Struct, frozen=True, array_like=True, tag=4):
    entries: tuple[Entry, ...]


_decoder = msgspec.msgpack.Decoder(_Head)

Entries = dict[bytes, Entry]  # by lineage


def encode_head(entries: Iterable[Entry]) -> bytes:
    """The body of a head."""
    return encode(_Head(tuple(entries)))


def decode_head(body: bytes) -> Entries:
    """What a head says. Raises `BadFrame`."""
    try:
        head = _decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"no head: {error}") from None
    return {entry.lineage: checked_entry(entry) for entry in head.entries}


class Collections(Protocol):
    """The node's collections of documents, as far as they can be begun."""

    def infos(self) -> list[GraphInfo]: ...

    async def create(
        self, name: str, settings: Eventual, lineage: str, founder: int, founds: bool
    ) -> None:
        """Log a collection; `founds`: this node is the founder, else it began in another store."""
        ...


class Heads:
    """The newest heads in one carrier; one that has been read is not read again."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._read: dict[Found, Entries] = {}

    async def newest(self, files: Iterable[Found], report: RoundReport) -> dict[str, Entries]:
        """What each writer's newest usable heads say; those of one collection name it (`about`)."""
        newest: dict[tuple[str, bytes], Found] = {}
        for file in files:
            if file.label.kind == HEAD:
                newest[file.label.writer, file.label.about] = file  # in the order of their numbers
        heads: dict[str, Entries] = {}
        for (writer, _), file in newest.items():
            try:
                if file not in self._read:
                    self._read[file] = decode_head(await self._carrier.read(file))
                heads.setdefault(writer, {}).update(self._read[file])
            except BadFrame as error:
                report.bad.append(f"{file.name}: {error.message}")
        return heads

    def forget(self, files: Iterable[Found]) -> None:
        """Remember nothing of files that are not among these."""
        there = set(files)
        self._read = {file: entries for file, entries in self._read.items() if file in there}


async def begin_others(graphs: Collections, heads: dict[str, Entries], report: RoundReport) -> None:
    """Begin a replica of every collection that others have; refuse another of one's name."""
    named: dict[str, Entries] = {}
    for _, entries in sorted(heads.items()):
        for lineage, entry in entries.items():
            named.setdefault(entry.name, {})[lineage] = entry
    here = {info.name: bytes.fromhex(info.lineage) for info in graphs.infos()}
    for name, found in sorted(named.items()):
        strange = [lineage.hex() for lineage in sorted(found) if lineage != here.get(name)]
        if name in here and strange:
            report.bad.append(
                f"WrongLineage: documents {name!r} in the folder began separately as "
                f"{', '.join(strange)}, here as {here[name].hex()}; they are never joined: "
                "rename one of them, or let one side join with an empty data folder"
            )
        elif len(strange) > 1:
            report.bad.append(
                f"WrongLineage: documents {name!r} began separately in several stores "
                f"({', '.join(strange)}); which of them to join must be decided there"
            )
        elif strange:
            await _begin(graphs, next(iter(found.values())), report)


async def _begin(graphs: Collections, entry: Entry, report: RoundReport) -> None:
    try:
        settings = msgspec.convert(
            {"mode": "eventual", "sync": entry.sync, "history": entry.history}, Eventual
        )
        await graphs.create(entry.name, settings, entry.lineage.hex(), entry.founder, False)
    except (PlaitError, msgspec.ValidationError) as error:
        report.bad.append(f"documents {entry.name!r} cannot be joined: {error}")
