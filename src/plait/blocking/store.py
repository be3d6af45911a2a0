"""Stores without ``await``."""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from os import PathLike
from typing import Any

from plait.api import port, store
from plait.api.infos import GraphInfo, TableInfo
from plait.base.errors import PlaitError
from plait.blocking.rights import Rights
from plait.blocking.scopes import Closing
from plait.blocking.session import Session
from plait.host.portal import Portal


class FolderSync(Closing):
    """Rounds through a folder, or a relay, for as long as it is open; a context manager."""

    def __init__(self, portal: Portal[Any], inner: port.FolderSync) -> None:
        self._portal = portal
        self._inner = inner

    @property
    def error(self) -> PlaitError | None:
        """Why the latest round failed, or None."""
        return self._inner.error

    @property
    def rounds(self) -> int:
        """How many rounds were done."""
        return self._inner.rounds

    def close(self) -> None:
        """One last round, and no more."""
        self._portal.call(self._inner.close())


class DocumentsLink(Closing):
    """A replica elsewhere, linked with the store's of a collection; a context manager."""

    def __init__(self, portal: Portal[Any], inner: port.DocumentsLink) -> None:
        self._portal = portal
        self._inner = inner

    @property
    def info(self) -> GraphInfo:
        """The collection."""
        return self._inner.info

    @property
    def writes(self) -> tuple[str, ...] | None:
        """What keys may begin with, to be written; None for everything."""
        return self._inner.writes

    def say(self, data: bytes) -> None:
        """What the guest says; nothing comes of it once the link has ended."""
        self._portal.call_plain(self._inner.say, data)

    def close(self) -> None:
        """The guest goes away. Safe to repeat."""
        self._portal.call_plain(self._inner.close)


class Store(Session, Closing):
    """Made by `plait.blocking.open` and `connect`; a context manager. Usable from any thread."""

    def __init__(self, portal: "Portal[store.Store]") -> None:
        super().__init__(portal, portal.held)
        self._store = portal.held

    def close(self) -> None:
        """Close the store and end its thread; its handles raise `Closed` from then on."""
        self._portal.close()

    # ------------------------------------------------------------------ collections

    def tables(self) -> list[TableInfo]:
        """Every table, with its line and settings."""
        return self._portal.call(self._store.tables())

    def drop_table(self, name: str) -> None:
        """Remove a table and its rows for good."""
        self._portal.call(self._store.drop_table(name))

    def collections(self) -> list[GraphInfo]:
        """Every collection of documents, with its lineage and settings."""
        return self._portal.call(self._store.collections())

    def sync_folder(self, path: str | PathLike[str], *, every_s: float = 1.0) -> FolderSync:
        """Sync every collection of documents through a folder that something else carries, until
        its `close`. See `plait.Store.sync_folder`."""
        syncing = self._portal.call(self._store.sync_folder(path, every_s=every_s))
        return FolderSync(self._portal, syncing)

    def sync_through(self, url: str, *, name: str, every_s: float = 1.0) -> FolderSync:
        """Sync every collection of documents through NATS JetStream or PostgreSQL, with all stores
        that do the same under the same name, until its `close`. See `plait.Store.sync_through`."""
        syncing = self._portal.call(self._store.sync_through(url, name=name, every_s=every_s))
        return FolderSync(self._portal, syncing)

    def drop_documents(self, name: str) -> None:
        """Remove a collection of documents for good, on every node."""
        self._portal.call(self._store.drop_documents(name))

    def link_documents(
        self, name: str, hear: Callable[[bytes], None], ended: Callable[[PlaitError], None]
    ) -> DocumentsLink:
        """Link a replica that is elsewhere with this store's of a collection. See
        `plait.Store.link_documents`. `hear` and `ended` are called in the store's own thread."""
        link = self._portal.call(self._store.link_documents(name, hear, ended))
        return DocumentsLink(self._portal, link)

    def session(self, token: str | None = None) -> Session:
        """A session of its own, perhaps going on where another (its `token`) stopped.

        Raises `BadValue` for a text that is no token.
        """
        return Session(self._portal, self._portal.call_plain(self._store.session, token))

    def flush(self) -> None:
        """Fold what was acknowledged into the state on disk (the log has it already)."""
        self._portal.call(self._store.flush())

    # ------------------------------------------------------------------ operating

    @property
    def rights(self) -> Rights:
        """Who may do what: roles, users, tokens."""
        return Rights(self._portal, self._portal.call_plain(lambda: self._store.rights))

    @property
    def here(self) -> port.Here:
        """The node that this store is, or is connected to, and the name of its cluster."""
        return self._portal.call_plain(lambda: self._store.here)

    def status(self) -> dict[str, Any]:
        """``{"nodes": {name: status or {"error": why}}}``: roles, epochs, positions and lag."""
        return self._portal.call(self._store.status())

    def promote(
        self,
        node: str | None = None,
        line: str | None = None,
        accept_loss: bool = False,
        timeout_s: float = 10.0,
    ) -> dict[str, Any]:
        """Make a node the leader (None: the most advanced follower). `PromotionRefused` says why
        not."""
        return self._portal.call(self._store.promote(node, line, accept_loss, timeout_s))

    def switch_over(
        self, target: str, line: str | None = None, timeout_s: float = 30.0
    ) -> dict[str, Any]:
        """Hand the lead over to `target` without losing anything."""
        return self._portal.call(self._store.switch_over(target, line, timeout_s))

    def members(self) -> list[dict[str, Any]]:
        """Every node: ``name``, ``address``, ``zone``, ``role``, whether it ``leads_control``."""
        return self._portal.call(self._store.members())

    def join(
        self,
        name: str,
        address: str,
        *,
        witness: bool = False,
        timeout_s: float = 60.0,
        zone: str = "",
    ) -> dict[str, Any]:
        """Take a node into the cluster that runs at `address` and waits to be taken in."""
        return self._portal.call(
            self._store.join(name, address, witness=witness, timeout_s=timeout_s, zone=zone)
        )

    def set_zone(self, node: str, zone: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """Say where a node is, from now on: ``node``, ``zone`` and where it was ``before``."""
        return self._portal.call(self._store.set_zone(node, zone, timeout_s))

    def prefer_zones(
        self, *zones: str, collection: str | None = None, timeout_s: float = 60.0
    ) -> dict[str, Any]:
        """Say in which zones leaders are wanted, the best first; none: wherever they are."""
        return self._portal.call(
            self._store.prefer_zones(*zones, collection=collection, timeout_s=timeout_s)
        )

    def leave(self, name: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """Let a node go, alive or dead; returns once nothing depends on it; safe to repeat.

        ``unheard_documents`` are in the answer if it could not be heard: collections of which the
        node may have had something that nobody else has.
        """
        return self._portal.call(self._store.leave(name, timeout_s))

    def set_follower(
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
        as it is."""
        return self._portal.call(
            self._store.set_follower(
                name, delay_s=delay_s, hold=hold, go=go, votes=votes, source=source, only=only
            )
        )

    def dropped(self) -> list[dict[str, Any]]:
        """Tables that were dropped, the oldest first."""
        return self._portal.call(self._store.dropped())

    def dropped_table(self, name: str) -> dict[str, Any]:
        """What the node that answers still has of a dropped table: values by key."""

        async def rows() -> dict[str, Any]:
            table = await self._store.dropped_table(name)
            return {key: value async for key, value in table.scan()}

        return self._portal.call(rows())

    def examine(self) -> dict[str, Any]:
        """What is wrong with each node and with the engines it depends on, by node."""
        return self._portal.call(self._store.examine())

    def move(
        self,
        what: str,
        to: str,
        timeout_s: float = 60.0,
        *,
        forced_by: str = "",
        accept_loss: bool = False,
    ) -> dict[str, Any]:
        """Move a collection to another engine while it is in use."""
        return self._portal.call(
            self._store.move(what, to, timeout_s, forced_by=forced_by, accept_loss=accept_loss)
        )

    def backup(
        self,
        folder: str | PathLike[str],
        *,
        supersedes: str = "",
        bytes_per_s: float | None = None,
    ) -> dict[str, Any]:
        """Add a backup of everything to a folder, while the store is in use."""
        return self._portal.call(
            self._store.backup(folder, supersedes=supersedes, bytes_per_s=bytes_per_s)
        )

    def at(self, moment: str | datetime) -> "PastStore":
        """The store as it was, to be read, where history is kept; use it in a ``with``. See
        `plait.Store.at`."""
        return PastStore(self._portal, self._store.at(moment))

    def rescued(self) -> list[dict[str, Any]]:
        """What promotions cut away, at every node that can be reached."""
        return self._portal.call(self._store.rescued())

    def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """One rescued suffix with its records."""
        return self._portal.call(self._store.show_rescued(node, rescued))

    def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """Apply a rescued suffix, each command at most once; counts of what happened."""
        return self._portal.call(self._store.replay_rescued(node, rescued))

    def drop_rescued(self, node: str, rescued: int) -> None:
        """Forget a rescued suffix."""
        self._portal.call(self._store.drop_rescued(node, rescued))


class PastStore(Store):
    """The store as it was: it can be read until it is closed, or the store it was asked of is."""

    def __init__(
        self, portal: "Portal[store.Store]", past: AbstractAsyncContextManager[store.Store]
    ) -> None:
        self._portal = portal
        self._past = past
        self._store = portal.call(past.__aenter__())
        Session.__init__(self, portal, self._store)

    def close(self) -> None:
        """Let it go. Idempotent."""
        past, self._past = self._past, contextlib.nullcontext(self._store)
        self._portal.call(past.__aexit__(None, None, None))
