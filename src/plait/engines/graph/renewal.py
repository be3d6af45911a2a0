"""Going on under a fresh id, with the state as it is (`restart`) or from nothing (`adopt`).

The old stream admits the fresh id where it is whole; else a peer is asked. Where nobody else was a
member, or a backup was restored, the fresh id admits itself, for the time being (a claim: see
`graph.members`). A state that
is thrown away is thrown away by one atomic write to the log, which keeps what has to be written
anew; the state file is cleared after it, and its epoch tells if that was interrupted.
"""

import asyncio
import logging
from typing import Any, Protocol

from plait.base.causality import Dot, VersionVector
from plait.base.errors import NotLoaded, PlaitError
from plait.base.ids import random_id
from plait.base.ports import Random
from plait.engines.graph import wal
from plait.engines.graph.flusher import Flusher
from plait.engines.graph.identity import Hard, encode_hard
from plait.engines.graph.journal import Journal
from plait.engines.graph.owed import Intent, decode_owed, encode_owed, fate
from plait.engines.graph.parts import Parts
from plait.engines.graph.reissue import gather, reissue
from plait.engines.graph.syncing import Syncing
from plait.engines.graph.writer import Writer
from plait.graph.event import Batch, Op
from plait.types.graph_type import Mutation
from plait.types.paths import Path

logger = logging.getLogger("plait.graph")

FORMERS_MAX = 32


class Owner(Protocol):
    """The replica, as far as changing its id needs it."""

    def bar(self, error: PlaitError | None) -> None:
        """Why nothing can be read now, or None."""
        ...

    def bind(self) -> None:
        """The shelf was exchanged."""
        ...

    def settle(self) -> bool:
        """Seal the open batch; False if a draft is open."""
        ...

    def soon(self) -> None:
        """Have the tick end in an orderly way."""
        ...


class Renewal:
    """One replica's changes of identity."""

    def __init__(
        self,
        owner: Owner,
        parts: Parts,
        writer: Writer,
        journal: Journal,
        flusher: Flusher,
        syncing: Syncing,
        random: Random,
    ) -> None:
        self.reasons: list[str] = []  # of every fresh id since the replica was opened
        self._owner = owner
        self._parts = parts
        self._writer = writer
        self._journal = journal
        self._flusher = flusher
        self._syncing = syncing
        self._random = random
        self._adopting: asyncio.Task[None] | None = None
        self._looked_at: VersionVector | None = None  # when what is owed was last looked at

    def restart(self, reason: str, trusted: bool, retire: int) -> None:
        """Go on with the state as it is. `trusted`: the old stream is whole. `retire`: up to
        where others know it, if nobody writes it any more."""
        owner, parts, writer = self._owner, self._parts, self._writer
        scope = parts.scope
        if writer.draft is not None:
            writer.discard()
        owner.settle()
        fresh = random_id(self._random)
        alone = parts.hard.restored or scope.members.remaining() == [scope.replica]
        if trusted and scope.writable:
            writer.say((scope.admit(fresh, parts.options.node),))
        # a copy's past was its original's, which tells the rest of it by itself
        formers = (*parts.hard.formers, scope.replica)[-FORMERS_MAX:] if trusted else ()
        self._note(reason, fresh, parts.hard.epoch, formers)
        if trusted:
            retire = scope.next_seq - 1
        claims = alone and not trusted
        scope.renamed(fresh, retire)
        self._journal.add(wal.Renamed(fresh, retire, claims))
        if not trusted:
            self._owe(parts.lost, ())
        self._journal.put_hard_state(encode_hard(parts.hard))
        if claims:
            scope.members.claim(fresh, parts.options.node)
        writer.rebind()
        self._syncing.begin()
        if claims:
            writer.say((scope.admit(fresh, parts.options.node),))
        owner.soon()
        self._syncing.greet_again()

    def adopt(self, reason: str, lost: tuple[Batch, ...], peer: str, forked: bool) -> None:
        """Begin again empty, admitted by `peer`; `lost` own batches are written anew later.
        `forked`: others know their dots as something else."""
        if self._adopting is not None:
            return
        name = self._parts.options.name
        self._owner.bar(NotLoaded(f"documents {name!r} are being fetched: {reason}"))
        data = gather(self._parts, lost, forked)
        self._adopting = asyncio.get_running_loop().create_task(self._adopt(reason, data, peer))

    async def _adopt(self, reason: str, lost: bytes, peer: str) -> None:
        owner, parts, journal = self._owner, self._parts, self._journal
        try:
            await self._flusher.stop(abandon=True)
            self._note(reason, random_id(self._random), parts.hard.epoch + 1)
            journal.reset(encode_hard(parts.hard), [wal.Owed(lost)])
            await journal.wait(journal.written)
            await parts.state.clear()
        except PlaitError as error:
            logger.error("graph %s could not begin again: %s", parts.options.name, error)
            return  # it does so when it is opened: the log says which epoch counts
        finally:
            self._adopting = None
        parts.begin_empty()
        parts.lost, parts.entrusted = lost, ()
        parts.position = journal.written
        self._flusher.resume(journal.written)
        self._writer.rebind()
        owner.bind()
        owner.bar(None)
        self._syncing.begin(sponsor=peer)
        self._syncing.greet_again()

    def reissue(self) -> None:
        """Write anew what was lost, once this replica is a member and has what the others have;
        what may come to count yet waits for word of that."""
        owner, parts, writer = self._owner, self._parts, self._writer
        if not parts.lost or not parts.scope.writable or not self._syncing.caught_up():
            return
        if writer.error is not None or writer.draft is not None:
            return
        if self._looked_at == parts.scope.vector:
            return
        self._retire_own(decode_owed(parts.lost))
        done = reissue(self, parts.lost)
        owner.settle()  # in the same row of the log as the record of what is left
        self._owe(encode_owed(done.waits), (*parts.entrusted, *done.there))
        self._looked_at = parts.scope.vector.copy()
        for what in done.left:
            self._syncing.note(f"not written anew: {what}")
        owner.soon()

    def _retire_own(self, intents: tuple[Intent, ...]) -> None:
        """Earlier ids that are members still: nobody will write under them any more."""
        scope = self._parts.scope
        authors = dict.fromkeys(author for intent in intents for author, _ in intent.dots)
        gone = [author for author in authors if scope.members.is_member(author)]
        if gone:
            self._writer.say([scope.retire(author) for author in gone])

    def _owe(self, lost: bytes, entrusted: tuple[Intent, ...]) -> None:
        """Note what is owed from here on, if that is something else than before."""
        parts = self._parts
        if (lost, entrusted) != (parts.lost, parts.entrusted):
            parts.lost, parts.entrusted = lost, entrusted
            self._journal.add(wal.Owed(lost, encode_owed(entrusted)))

    def write_mutation(self, key: str, path: Path, mutation: Mutation) -> Dot | None:
        """Prepare and apply, for `reissue`."""
        return self._writer.mutate(key, path, mutation)

    def write_clear(self, key: str, path: Path) -> None:
        """Reset everything at and below the path, for `reissue`."""
        self._writer.clear(key, path)

    def write_delete(self, key: str) -> None:
        """Hide a document, for `again`."""
        self._writer.delete(key)

    def write_op(self, op: Op) -> None:
        """Apply an operation as it is, for `reissue`."""
        self._writer.write(op)

    def fate(self, dot: Dot) -> bool | None:
        """Whether an event counts here, or will, for `reissue`."""
        return fate(self._parts.scope, dot)

    def object_state(self, key: str, path: Path) -> Any | None:
        """The state of an object, for `reissue`."""
        return self._parts.shelf.object(key, path)

    async def close(self) -> None:
        """Wait for nothing any more."""
        if self._adopting is not None:
            self._adopting.cancel()
            await asyncio.gather(self._adopting, return_exceptions=True)

    def _note(self, reason: str, fresh: int, epoch: int, formers: tuple[int, ...] = ()) -> None:
        options = self._parts.options
        wanted = self._parts.hard.restored  # somebody made this copy, and knows
        level = logging.INFO if wanted else logging.WARNING
        logger.log(level, "graph %s goes on under a fresh id: %s", options.name, reason)
        self.reasons.append(reason)
        self._syncing.note(f"fresh id: {reason}")
        self._parts.hard = Hard(options.lineage, fresh, options.fingerprint, epoch, formers=formers)
