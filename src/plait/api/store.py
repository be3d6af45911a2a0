"""A store: every collection of a folder or a cluster, as one user holds it.

A store is itself a session: it reads its own writes on whichever node it asks. It belongs to the
event loop that it was opened on; `plait.blocking` is for other threads.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from os import PathLike
from types import TracebackType
from typing import Any

from plait.api.context import Context
from plait.api.dropped import DroppedTable
from plait.api.infos import GraphInfo, TableInfo
from plait.api.past import PastBackend
from plait.api.port import Backend, Copies, DocumentsLink, FolderSync, Here
from plait.api.rights import Rights
from plait.api.session import Session
from plait.base.errors import PlaitError
from plait.base.ports import Random


class Store(Session):
    """Made by `plait.open` and `plait.connect`; an async context manager."""

    def __init__(
        self,
        backend: Backend,
        *,
        random: Random | None = None,
        make_rights: Callable[[Backend], Rights] = Rights,
    ) -> None:
        super().__init__(Context(backend), random)
        self._backend = backend
        self._make_rights = make_rights

    async def __aenter__(self) -> "Store":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the store; its handles raise `Closed` from then on."""
        if not self._context.closed:
            self._context.closed = True
            await self._backend.close()

    # ------------------------------------------------------------------ collections

    async def tables(self) -> list[TableInfo]:
        """Every table, with its line and settings."""
        self._context.check()
        return await self._backend.tables()

    async def drop_table(self, name: str) -> None:
        """Remove a table and its rows for good."""
        self._context.check()
        await self._backend.drop_table(name)

    async def collections(self) -> list[GraphInfo]:
        """Every collection of documents, with its lineage and settings."""
        self._context.check()
        return await self._backend.graphs()

    async def sync_folder(self, path: str | PathLike[str], *, every_s: float = 1.0) -> FolderSync:
        """Sync every collection of documents through a folder that something else carries.

        Returns after the first round; what it gives goes on, a round every `every_s` seconds,
        until its `close`. Other stores do the same, or ``plait sync``, on their copies of the
        folder. `BadSettings` for a path that is no folder, and on a store that is elsewhere.
        """
        self._context.check()
        return await self._backend.sync_folder(path, every_s)

    async def sync_through(self, url: str, *, name: str, every_s: float = 1.0) -> FolderSync:
        """Sync every collection of documents through NATS JetStream or PostgreSQL at `url`.

        Every store that names the same server and the same `name` syncs with all others that do,
        whether or not they are ever there at once. Edits go at once, and arrive at once where
        somebody waits for them; what nobody waits for is done every `every_s` seconds. Returns
        after the first round; goes on until the `close` of what it gives. An engine that does not
        answer is tried again. The nodes of a store that an engine orders do this by themselves,
        under the cluster's name. `BadSettings` for a URL of no engine, for what is synced already,
        and on a store that is elsewhere.
        """
        self._context.check()
        return await self._backend.sync_through(url, name, every_s)

    async def drop_documents(self, name: str) -> None:
        """Remove a collection of documents for good, on every node."""
        self._context.check()
        await self._backend.drop_graph(name)

    async def link_documents(
        self, name: str, hear: Callable[[bytes], None], ended: Callable[[PlaitError], None]
    ) -> DocumentsLink:
        """Link a replica that is elsewhere, in a browser say, with this store's of a collection.

        It is a guest, as that of `plait.connect` is, and may write what this store may. What it
        says goes to the link's `say`, what it is to hear comes to `hear`: messages of
        `plait.graph.messages`. An empty one comes first, and again whenever both have to begin
        anew. ended: told once, why the link ended by itself; another can be made then.
        Raises `NoSuchCollection`, `NotAllowed`, `Unavailable`.
        """
        self._context.check()
        return await self._backend.link_graph(name, hear, ended)

    def session(self, token: str | None = None) -> Session:
        """A session of its own, perhaps going on where another (its `token`) stopped.

        Raises `BadValue` for a text that is no token.
        """
        self._context.check()
        return Session(self._context.fork(token), self._random)

    async def flush(self) -> None:
        """Fold what was acknowledged into the state on disk (the log has it already)."""
        self._context.check()
        await self._backend.flush()

    # ------------------------------------------------------------------ operating

    @property
    def rights(self) -> Rights:
        """Who may do what: roles, users, tokens."""
        self._context.check()
        return self._make_rights(self._backend)

    @property
    def here(self) -> Here:
        """The node that this store is, or is connected to, and the name of its cluster."""
        self._context.check()
        return self._backend.here

    async def status(self) -> dict[str, Any]:
        """``{"nodes": {name: status or {"error": why}}}``: roles, epochs, positions and lag."""
        self._context.check()
        return await self._backend.status()

    async def promote(
        self,
        node: str | None = None,
        line: str | None = None,
        accept_loss: bool = False,
        timeout_s: float = 10.0,
    ) -> dict[str, Any]:
        """Make a node the leader (None: the most advanced follower). `PromotionRefused` says why
        not."""
        self._context.check()
        return await self._backend.promote(node, line, accept_loss, timeout_s)

    async def switch_over(
        self, target: str, line: str | None = None, timeout_s: float = 30.0
    ) -> dict[str, Any]:
        """Hand the lead over to `target` without losing anything."""
        self._context.check()
        return await self._backend.switch_over(target, line, timeout_s)

    async def members(self) -> list[dict[str, Any]]:
        """Every node: ``name``, ``address``, ``zone``, ``role``, whether it ``leads_control``."""
        self._context.check()
        return await self._backend.members()

    async def join(
        self,
        name: str,
        address: str,
        *,
        witness: bool = False,
        timeout_s: float = 60.0,
        zone: str = "",
    ) -> dict[str, Any]:
        """Take a node into the cluster that runs at `address` and waits to be taken in.

        zone: where it is; else where it says that it is. Returns once it votes; safe to repeat.
        `BadSettings` for a name or address in use, `RuleUnmet` where a rule by zones asks for one.
        """
        self._context.check()
        return await self._backend.join(name, address, witness, timeout_s, zone)

    async def set_zone(self, node: str, zone: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """Say where a node is, from now on: ``node``, ``zone`` and where it was ``before``.

        Lines take it over one after another, without a pause. `RuleUnmet` if some line's
        ``acks="any:K@other-zone"`` could not be met then, `BadSettings` for no such node.
        """
        self._context.check()
        return await self._backend.places.set_zone(node, zone, timeout_s)

    async def prefer_zones(
        self, *zones: str, collection: str | None = None, timeout_s: float = 60.0
    ) -> dict[str, Any]:
        """Say in which zones leaders are wanted, the best first; none: wherever they are.

        collection: a table or a machine, or a line as `status` names it (``"control"`` is one);
        collections of one line have one leader. Without it this is for every line of which
        nothing else was said. A leader elsewhere hands over to a member that has caught up and
        has been well for some seconds. Returns ``line`` and ``zones``.
        """
        self._context.check()
        return await self._backend.places.prefer_zones(zones, collection, timeout_s)

    async def leave(self, name: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """Let a node go, alive or dead; returns once nothing depends on it; safe to repeat.

        ``unheard_documents`` are in the answer if it could not be heard: collections of which the
        node may have had something that nobody else has.
        """
        self._context.check()
        return await self._backend.leave(name, timeout_s)

    async def set_follower(
        self,
        name: str,
        *,
        delay_s: float | None = None,
        hold: str | None = None,
        go: bool = False,
        votes: bool | None = None,
        source: str | None = None,
        only: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Let a node follow later than it could, stop it, or take its vote; what is not given stays
        as it is.

        delay_s: it stores and acknowledges everything at once, and applies it so much later.
        hold: stop it: ``"now"``, where it stands; or at a time (ISO 8601) or a ``LINE:POSITION``,
        up to where it goes at once. go: go on, after the delay. votes: whether it votes, and
        its acknowledgement counts. source: who feeds it, if it has no vote, instead of whoever
        leads; ``"any"``: whoever leads. only: the collections that it follows, if it has no vote;
        ``["all"]``: every one. Returns ``node``, ``votes``, ``delay_s``, ``hold``, ``source`` and
        ``only``. `BadSettings` if nobody were left to lead, or if sources went in a circle.
        """
        self._context.check()
        chosen = None if only is None else tuple(only)
        return await self._backend.set_follower(name, delay_s, hold, go, votes, source, chosen)

    async def dropped(self) -> list[dict[str, Any]]:
        """Tables that were dropped, the oldest first: ``name``, ``line``, ``time_ms``, and
        ``cleared_at``, the position in its line where the rows went."""
        self._context.check()
        return await self._backend.dropped()

    async def dropped_table(self, name: str) -> DroppedTable:
        """The table of that name that was dropped last, for reading what a delayed follower still
        has of it: connect to that node alone. `NoSuchCollection` if none is remembered."""
        self._context.check()
        return DroppedTable(self._context, await self._backend.open_dropped(name))

    async def examine(self) -> dict[str, Any]:
        """What is wrong with each node and with the engines it depends on, by node.

        A list of findings, worst first: ``severity`` ("refuse": what was acknowledged could be
        lost, or nothing goes on; or "warn"), ``where``, ``what``, ``remedy``. A node that does
        not answer has one that says so.
        """
        self._context.check()
        return await self._backend.examine()

    async def move(
        self,
        what: str,
        to: str,
        timeout_s: float = 60.0,
        *,
        forced_by: str = "",
        accept_loss: bool = False,
    ) -> dict[str, Any]:
        """Move a collection to another engine while it is in use, with all others on its line.

        what: a table, a machine, or a line as `status` names it. to: the URL of NATS JetStream or
        PostgreSQL, or the nodes' own disks: ``"raft"`` for a consensus line, ``"primary"`` for a
        leader–follower one, ``"sqlite"`` in a store of one node. Returns ``line``,
        ``collections``, ``from``, ``to``, ``at`` (the position where it changed) and ``took_s``.

        `BadSettings` and `Unavailable` say what stands in the way before anything is changed;
        after that a move that is interrupted goes on by itself, and is safe to repeat.

        forced_by: who says that the engine where the line is now is dead for good, and that no
        node reaches it. If it cannot be sealed the line goes on from what the node has that
        has most. `LossNotAccepted` says which positions may be lost unless `accept_loss`; with it
        ``forced`` is in the answer: ``tail``, ``known``, ``warning``, or None where sealing worked.
        """
        self._context.check()
        return await self._backend.move(what, to, timeout_s, forced_by, accept_loss)

    async def backup(
        self,
        folder: str | PathLike[str],
        *,
        supersedes: str = "",
        bytes_per_s: float | None = None,
    ) -> dict[str, Any]:
        """Add a backup of everything to a folder, while the store is in use.

        The folder is new, or has earlier backups of this store: only what is new is added. Over
        the network it is a folder of the node that answers, and that node does it. `plait.restore`
        makes a store from it. supersedes: the ``backup`` of an earlier answer, which goes when
        this one is whole: so a backup every few seconds keeps the log archived. bytes_per_s: no
        faster than that; without it a backup rests as much as leaves others their writes.

        Everything that was acknowledged before the call is in it. Returns ``backup`` (its name),
        ``node``, ``cluster``, ``time_ms``, ``positions`` (by line), ``documents``,
        ``written_bytes``. `BadSettings` for a folder that is something else, `Unavailable` if the
        node cannot know what was acknowledged elsewhere.
        """
        self._context.check()
        return await self._backend.backup(folder, supersedes, bytes_per_s)

    @contextlib.asynccontextmanager
    async def at(self, moment: str | datetime) -> "AsyncIterator[Store]":
        """The store as it was, to be read, where history is kept::

            async with store.at("2026-01-31T11:59:00") as past:
                film = await (await past.table("films")).get("f1")

        moment: a time (a text without an offset is in local time) or ``"LINE:POSITION"``, as for
        `plait.restore`. Tables, machines and documents are as of then; writing raises `ReadOnly`.
        A copy is made for it, at the node that answers, in its folder for temporary files: that
        takes the time and the space of a restore.

        Raises `NoHistory` for a moment before what is kept (see `plait.open` and ``plait serve
        --history``), `BadSettings` for what is no moment, `Busy` if too many are open already.
        """
        self._context.check()
        text = moment.isoformat() if isinstance(moment, datetime) else moment
        backend = PastBackend(await self._backend.at(text), text)
        async with Store(backend) as store:
            yield store

    async def rescued(self) -> list[dict[str, Any]]:
        """What promotions cut away, at every node that can be reached."""
        self._context.check()
        return await self._backend.rescued()

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """One rescued suffix with its records."""
        self._context.check()
        return await self._backend.show_rescued(node, rescued)

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """Apply a rescued suffix, each command at most once; counts of what happened."""
        self._context.check()
        return await self._backend.replay_rescued(node, rescued)

    async def drop_rescued(self, node: str, rescued: int) -> None:
        """Forget a rescued suffix."""
        self._context.check()
        await self._backend.drop_rescued(node, rescued)

    def __repr__(self) -> str:
        state = "closed" if self._context.closed else "open"
        return f"<Store {state}, {self._context!r}>"


@contextlib.asynccontextmanager
async def lent_copies(store: Store, moment: str = "latest") -> AsyncIterator[Copies]:
    """What a restore at a moment needs, to be read: what `plait.branch` makes a store from."""
    store._context.check()
    copies = await store._backend.copies(moment)
    try:
        yield copies
    finally:
        await copies.close()
