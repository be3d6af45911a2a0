"""What a replica is made of, and how it comes from disk: rows, then the log's rows after them.

Nothing is scanned but the blocks of history that are not stable yet, so opening costs what was
touched lately. A row that fails to decode or to fit raises `Corrupt`: a graph with a hole in it is
not served.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from plait.base.causality import Dot, VersionVector
from plait.base.codec import decode, encode
from plait.base.errors import BadFrame, Corrupt, PlaitError
from plait.base.ports import LogStorage, Random, Storage
from plait.engines.graph import wal
from plait.engines.graph.archive import Archive
from plait.engines.graph.identity import Hard, has_left, load_hard
from plait.engines.graph.options import GraphOptions
from plait.engines.graph.owed import Intent, decode_owed, encode_owed, unsettled
from plait.engines.graph.spaces import (
    DOCUMENTS,
    ENTRUSTED,
    HELD,
    LOST,
    META,
    SCOPE,
    VERSION,
    Place,
    Space,
    load_place,
    put_place,
)
from plait.engines.overlay import Overlay
from plait.graph.event import Batch, Pack, decode_pack, encode_pack, unpack
from plait.graph.parcels import Parcel, join
from plait.graph.records import decode_scope, encode_scope
from plait.graph.scope import Scope
from plait.types.shelf import Shelf

_READ_BYTES = 4 << 20
BEFORE_ANY_STAMP = 0
_HISTORY = "stable"  # the scope drops what is stable; the archive may keep it


class Parts:
    """One graph's cores over its rows."""

    def __init__(self, options: GraphOptions, storage: Storage, hard: Hard) -> None:
        self.options = options
        self.hard = hard
        self.log: LogStorage = storage.log
        self.state = storage.state(options.line)
        self.view = Overlay(self.state)
        self._held: dict[Dot, Batch] = {}  # what waits for the clock, while this is opened
        self.lost = b""  # what is owed, and has to be looked at when others' state was adopted
        self.entrusted: tuple[Intent, ...] = ()  # what is owed, and counts as others have it
        self.on_delivered: Callable[[Batch], None] = lambda batch: None
        self.begin_empty()

    def begin_empty(self) -> None:
        """Hold nothing."""
        self.view.drop()
        self.position = 0  # rows of the log that are carried out
        self.shelf = Shelf(Space(self.view, DOCUMENTS))
        lineage, founder = int(self.options.lineage, 16), self.options.founder
        self.scope = Scope(lineage, self.hard.replica, founder, self.shelf, _HISTORY)
        self.scope.says_voids = not self.options.guest
        self.archive = Archive(self.view, self.options.history == "forever", 0, 0, True)

    def name_of(self, replica: int) -> str:
        """The name that a replica was admitted under (nobody admits the founder), or its id."""
        options = self.options
        if replica == self.scope.replica:
            return options.node
        name = self.scope.members.names.get(replica)
        if not name and replica == options.founder:
            name = options.founder_node
        return name or f"{replica:x}"

    # ------------------------------------------------------------------ from disk

    def load(self, place: Place) -> None:
        """Go on from the state file."""
        data = self.state.get(META, SCOPE)
        if data is None:
            raise Corrupt(f"the state of graph {self.options.name!r} has no scope")
        forever = self.options.history == "forever"
        try:
            self.scope = decode_scope(data, self.shelf)
            self.scope.says_voids = not self.options.guest
            self.archive = Archive(self.view, forever, place.block, place.live, place.complete)
            self.scope.restore(self.archive.load())
            held = self.state.get(META, HELD)
            if held:
                self._hold(decode_pack(held))
        except (PlaitError, msgspec.DecodeError, IndexError) as error:
            raise _corrupt(self.options.name, error) from error
        self.lost = self.state.get(META, LOST) or b""
        self.entrusted = decode_owed(self.state.get(META, ENTRUSTED) or b"")
        self.position = place.position

    def replay(self, head: int, tail: int) -> None:
        """Carry out the log's rows from where the state file stands."""
        if self.position < head:
            raise Corrupt(
                f"graph {self.options.name!r} stands at {self.position}, its log begins at {head}"
            )
        for row in self._rows(tail):
            records = wal.decode_row(row, self.position)
            try:
                self._foretell(records)
                for record in records:
                    self.carry_out(record)
            except (BadFrame, IndexError, AssertionError) as error:
                raise _corrupt(self.options.name, error) from error
            self.position += 1

    def _rows(self, tail: int) -> Iterator[bytes]:
        start = self.position
        while start < tail:
            rows = self.log.read(self.options.line, start, tail, _READ_BYTES)
            yield from rows
            start += len(rows)

    def carry_out(self, record: wal.Record) -> None:
        """Do again what a record says was done."""
        scope = self.scope
        match record:
            case wal.Wrote(packed):
                self._deliver(packed)
                scope.news.clear()
                scope.unsaid = False
            case wal.Delivered(packed):
                self._deliver(packed)
            case wal.Held(packed):
                self._hold(unpack(packed))
            case wal.Joined(data):
                join(scope, decode(data, type=Parcel), None)
                self.joined()
            case wal.Renamed(replica, retire, claims):
                scope.renamed(replica, retire)
                if claims:
                    scope.members.claim(replica, self.options.node)
            case wal.Folded():
                self.fold()
            case wal.Owed(lost, entrusted):
                self.lost, self.entrusted = lost, decode_owed(entrusted)

    def _foretell(self, records: Sequence[wal.Record]) -> None:
        """What is refused in a row was not applied in it either."""
        for record in records:
            if isinstance(record, wal.Wrote | wal.Delivered):
                self.scope.voids.foretell(unpack(record.pack), self.scope.vector)

    def _hold(self, batches: Sequence[Batch]) -> None:
        self._held.update({(batch.replica, batch.first): batch for batch in batches})

    def resume(self) -> None:
        """Let wait again what waited for the clock. What is due by now takes effect as ever, when
        it can be put into the log."""
        held, self._held = list(self._held.values()), {}
        self.scope.receive(held, BEFORE_ANY_STAMP)
        self.scope.quarantine.fresh()
        self.scope.notices()

    def _deliver(self, packed: Pack) -> None:
        batches = unpack(packed)
        known = VersionVector(self.scope.vector)
        for batch in batches:
            before = known.get(batch.replica, 0)
            if batch.first != before + 1:
                raise BadFrame(f"batch {batch.first} of {batch.replica:x} stands after {before}")
            known[batch.replica] = batch.last
        done = self.scope.replay(batches)
        if len(done) != len(batches):
            raise BadFrame("batches that were delivered once are not deliverable")
        for batch in done:
            self._held.pop((batch.replica, batch.first), None)
            self.delivered(batch)

    # ------------------------------------------------------------------ as it goes

    def delivered(self, batch: Batch) -> None:
        """A batch took effect, and is in the log or about to be."""
        self.archive.add(batch)
        self.on_delivered(batch)

    def joined(self) -> None:
        """A parcel was joined: its streams came without their batches."""
        self.archive.complete = False
        self.archive.drop(self.scope.floor)

    def fold(self) -> bool:
        """Fold what is stable; whether anything was."""
        floor = self.scope.collect()
        self.entrusted = unsettled(self.entrusted, self.scope.stable)
        if floor is None:
            return False
        self.archive.drop(floor)
        return True

    def collect(self, position: int) -> None:
        """Put everything that changed into the overlay: it is the fold of the log to there."""
        put = self.view.put
        for key, value in self.shelf.changes():
            put(DOCUMENTS, key, value)
        self.archive.save()
        put(META, SCOPE, encode_scope(self.scope))
        held: list[Batch] = self.scope.quarantine.batches()
        put(META, HELD, encode_pack(held) if held else None)
        put(META, LOST, self.lost or None)
        put(META, ENTRUSTED, encode_owed(self.entrusted) or None)
        archive = self.archive
        put_place(
            self.view,
            Place(
                VERSION, self.hard.epoch, position, archive.block, archive.live, archive.complete
            ),
        )


async def open_parts(
    options: GraphOptions, storage: Storage, random: Random
) -> tuple[Parts, int, str | None]:
    """The parts as they were; the position where the log goes on, and why a fresh id is due."""
    line = options.line
    hard = load_hard(storage.log, line)
    if hard is None:
        founds = options.founds and not has_left(storage.log, line)
        replica = options.founder if founds else random.getrandbits(63) or 1
        parts = Parts(options, storage, Hard(options.lineage, replica, options.fingerprint))
        await parts.state.clear()  # whatever is there was never acknowledged
        return parts, 0, None
    from_disk = Parts(options, storage, hard)
    place = load_place(from_disk.state)
    if place is not None and place.epoch != hard.epoch:
        await from_disk.state.clear()
        place = None
    extent = storage.log.lines()[line]
    if place is not None:
        from_disk.load(place)
    else:
        from_disk.position = extent.head
        if extent.head and not hard.epoch:
            raise Corrupt(f"the state of graph {options.name!r} is missing")
    why = None
    if from_disk.position <= extent.tail:
        from_disk.replay(extent.head, extent.tail)
    else:
        why = f"the log ends at {extent.tail} and {from_disk.position} of its rows were there"
    from_disk.resume()
    return from_disk, from_disk.position, why


def encode_parcel(parcel: Parcel) -> bytes:
    """A parcel for the log."""
    return encode(parcel)


def _corrupt(name: str, error: BaseException) -> Corrupt:
    if isinstance(error, Corrupt):
        return error
    return Corrupt(f"the graph {name!r} on disk does not fit together: {error}")
