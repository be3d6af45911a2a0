"""A collection of documents, as a mapping from keys to documents that never raises `KeyError`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Generic, Self, TypeVar, cast

from plait.api.documents.access import Access
from plait.api.documents.change import OpenChange
from plait.api.documents.checking import shown
from plait.api.documents.conflicts import Conflict, conflicts_in
from plait.api.documents.document import Document, DocumentClass, JsonDocument
from plait.api.documents.history import encode_version, past_of
from plait.api.documents.presence import Presence
from plait.api.documents.refused import RefusedEdit, RefusedWatch, refused_in
from plait.api.documents.registers import Loser, Register
from plait.api.documents.replay import replay
from plait.api.documents.watching import NamedPath, Watch, Where
from plait.base.codec import encode_key
from plait.base.errors import BadDocument, BadValue
from plait.engines.graph_port import GraphReplica

D = TypeVar("D", bound=Document)


class Documents(Generic[D]):
    """One collection on this process's replica; belongs to one event loop.

    Reading and writing are plain calls: they wait for nobody. `who` is named as the author where
    the replica does not say otherwise.
    """

    __slots__ = ("_access", "_class")

    def __init__(
        self, replica: GraphReplica, document: type[D] | None = None, who: str | None = None
    ) -> None:
        self._class = _class_of(document)
        self._access = Access(replica, who)

    @property
    def name(self) -> str:
        """The collection's name."""
        return self._access.name

    # ------------------------------------------------------------------ documents

    def __getitem__(self, key: str) -> D:
        encode_key(key)
        return cast("D", self._class(self._access, key))

    def __setitem__(self, key: str, value: Mapping[str, Any] | D) -> None:
        """Give a document the values of a mapping: all of them if it is free-form, else those
        that it names."""
        document = self[key]
        if isinstance(value, Document) and value._key == key:
            return  # what `docs[key] |= {...}` assigns
        if isinstance(document, JsonDocument):
            document._become(value)
            return
        fields = self._class.fields
        if not isinstance(value, Mapping) or not all(name in fields for name in value):
            raise BadValue(
                f"{self.name}[{key!r}] is a {self._class.__name__}; assign its fields, or a mapping"
                f" of some of them ({', '.join(fields)}), not {shown(value)}"
            )
        with self._access.together():
            for name, one in value.items():
                setattr(document, name, one)

    def __delitem__(self, key: str) -> None:
        """Remove a document; removing one that is not there is no error."""
        self._access.delete(key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._access.exists(key)

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def __len__(self) -> int:
        self._access.check()
        return self._access.view.count()

    def __bool__(self) -> bool:
        return len(self) > 0

    def keys(self, start: str | None = None, stop: str | None = None) -> Iterator[str]:
        """The keys of the documents that are there, in order; start <= key < stop."""
        for bound in (start, stop):
            if bound is not None:
                encode_key(bound)
        self._access.check()
        return self._access.view.keys(start, stop)

    def values(self, start: str | None = None, stop: str | None = None) -> Iterator[D]:
        """The documents that are there, in the order of their keys."""
        return (self[key] for key in self.keys(start, stop))

    def items(self, start: str | None = None, stop: str | None = None) -> Iterator[tuple[str, D]]:
        """Pairs (key, document), in the order of the keys."""
        return ((key, self[key]) for key in self.keys(start, stop))

    def get(self, key: str, default: D | None = None) -> D | None:
        """The document if it is there, or `default`."""
        return self[key] if key in self else default  # noqa: SIM401 - this is `get`

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Every document's values by key."""
        return {key: document.to_dict() for key, document in self.items()}

    # ------------------------------------------------------------------ changes

    def change(self, message: str | None = None) -> OpenChange:
        """``with docs.change("why"):`` groups what is written, in any of the documents, into one
        batch; an exception discards it. `ChangeOpen` if another task has one open."""
        return OpenChange(self._access, message)

    def assign(self, field: str, values: Mapping[str, Any]) -> None:
        """Assign one register of many documents by key, as one change, and quickly:
        ``docs.assign("done", {"n1": True, "n2": True})``. It is no step of `undo`.

        Raises what assigning to one of them does; nothing is written then.
        """
        register = self._class.fields.get(field)
        if not isinstance(register, Register):
            raise BadValue(f"{self._class.__name__}.{field} is no register")
        where, path = self._access.where, (register.part,)
        is_plain, store = register.checker.is_plain, register.checker.store
        stored = {
            key: value if is_plain(value) else store(value, partial(where, key, path))
            for key, value in values.items()
        }
        if not stored or (register.alias is None and self._access.assign(path, stored)):
            return
        with self.change():
            for key, value in stored.items():
                encode_key(key)
                register.__set__(self[key], value)

    def without_undo(self) -> Self:
        """This handle, which keeps nothing for `undo` any more: for programs that write much and
        never take it back."""
        self._access.undo.switch_off()
        return self

    def undo(self) -> bool:
        """Take back the last thing that this handle did, as one step if it was one change.

        What others have overwritten meanwhile is left alone. False: there is nothing to undo.
        """
        return replay(self._access, None, again=False)

    def redo(self) -> bool:
        """Do again what `undo` took back last. False: there is nothing, or something was written
        since."""
        return replay(self._access, None, again=True)

    def watch(
        self,
        key: str | None = None,
        path: NamedPath | None = None,
        *,
        where: Where | None = None,
    ) -> Watch:
        """``async for change in docs.watch()``: everybody's changes, from now on.

        key, path: only those of one document, only those at and below one field or path of names.
        where: only those of which this is true; it is asked at once, and must not raise.
        """
        return Watch(self._access, self._class, key, path, where)

    def on_change(self, tell: Callable[[str, bool], None]) -> Callable[[], None]:
        """Have ``tell(key, own)`` called for every document that changes, right after it has; what
        this gives ends it. own: it was this process. `tell` is quick and does not raise."""
        replica = self._access.replica
        stops = [replica.heed(tell), replica.on_refused(lambda refusal: tell(refusal.key, False))]

        def stop() -> None:
            for one in stops:
                one()

        return stop

    @property
    def presence(self) -> Presence:
        """Who is here now, and what they say of themselves: told to everybody, never stored."""
        return Presence(self._access)

    # ------------------------------------------------------------------ the past, the undecided

    @property
    def version(self) -> str:
        """What this replica has seen now, as text for `at`."""
        self._access.check()
        return encode_version(self._access.replica.vector)

    def at(self, version: str | datetime) -> "Documents[D]":
        """The documents as of a version or a time; they cannot be changed. `HistoryTrimmed`."""
        past: Documents[D] = Documents.__new__(Documents)
        past._class = self._class
        past._access = past_of(self._access, version)
        return past

    def conflicts(self) -> list[Conflict]:
        """The inbox: every register that waits for a decision, in the order of keys.

        Looks through all documents of the collection.
        """
        return conflicts_in(self._access, self._class)

    def losers(self, key: str, field: str) -> list[Loser]:
        """Values that a register was assigned at the same time as the one it shows."""
        return self[key].register(field).losers()

    def refused(self) -> list[RefusedEdit]:
        """What was written here and refused elsewhere, for a right that is lacking: it is rolled
        back, and kept in this list until somebody dismisses it or writes it again."""
        return refused_in(self._access)

    def watch_refused(self) -> RefusedWatch:
        """``async for edit in docs.watch_refused()``: edits that are refused, from now on."""
        return RefusedWatch(self._access)

    # ------------------------------------------------------------------ waiting

    async def flush(self) -> None:
        """Return when everything written so far is on disk (over the network: at a node).

        `NotAllowed` if something has been refused since this was last called: see `refused`.
        """
        self._access.check()
        await self._access.replica.flush()

    async def kept(self) -> None:
        """Return when all that has taken effect here so far, others' edits too, is on the disk of
        this process: only then may a `version` be told to who goes on from it later."""
        self._access.check()
        await self._access.replica.kept()

    async def load(self, keys: str | Sequence[str]) -> None:
        """Hold documents in this process: needed over the network, where `NotLoaded` says so."""
        wanted = [keys] if isinstance(keys, str) else list(keys)
        for key in wanted:
            encode_key(key)
        self._access.check()
        await self._access.replica.load(wanted)

    def __repr__(self) -> str:
        past = " in the past" if self._access.is_past else ""
        return f"<Documents {self.name!r} of {self._class.__name__}{past}>"


def _class_of(document: type[Document] | None) -> type[Document]:
    if document is None:
        return JsonDocument
    if not isinstance(document, DocumentClass) or document is Document:
        raise BadDocument(
            f"{shown(document)} is no document class: class Note(plait.Document): ..."
        )
    return document
