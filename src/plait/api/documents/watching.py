"""Watching documents: everybody's changes as they take effect here, as an async iterator.

The changes of one batch come one after the other, and only the last one says `last`: who wants
them together collects up to that one. A watch holds `CHANGES_MAX` changes that were not taken yet;
a slower reader is cut off with `Busy` and reads the documents anew. It is never given a gap.

What is changed at positions (a text) comes as patches. Whoever applies them, one after the other,
to a copy of what was there when the watch began has what is here.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from plait.api.documents.access import Access
from plait.api.documents.lists import List
from plait.api.documents.naming import field_at, names_of
from plait.api.documents.registers import time_of
from plait.api.watching import Watching
from plait.base.codec import encode_key
from plait.base.errors import BadValue, Busy
from plait.engines.graph_port import Changed
from plait.graph.event import DELETE
from plait.types.paths import tag_of
from plait.types.text.diff import edits_between
from plait.types.text.marks import MarkChange

CHANGES_MAX: Final = 10_000

NamedPath: TypeAlias = str | Sequence[str]  # "title", or ("meta", "likes")
Patch: TypeAlias = tuple[int, int, Any]  # position, how many are deleted there, what is inserted


class Change(NamedTuple):
    """One operation that took effect here."""

    key: str
    path: tuple[str, ...]  # names of fields and keys; () is the document itself
    before: Any  # the value, as far as the operation touched it; None where there are patches
    after: Any
    who: str  # "" for what came as a state, which does not say who wrote what
    when: datetime
    message: str | None
    own: bool  # written by this replica
    deleted: bool  # the document was deleted
    last: bool  # of the changes of its batch that are watched
    patches: tuple[Patch, ...] = ()  # what happened to a text, one after the other
    marks: tuple[MarkChange, ...] = ()  # what was marked in it


Where: TypeAlias = Callable[[Change], bool]


class Watch(Watching):
    """An async iterator of `Change`; made by `Documents.watch` and `Document.watch`.

    It begins when it is made. End it with `aclose` or ``async with``; `async for` that is left
    early does not.
    """

    def __init__(
        self,
        access: Access,
        document: Any,
        key: str | None,
        path: NamedPath | None,
        where: Where | None = None,
    ) -> None:
        if key is not None:
            encode_key(key)
        access.check()
        self._access = access
        self._document = document
        self._key = key
        self._path = _names(path)
        self._where = where
        self._ready: deque[Change] = deque()
        self._more = asyncio.Event()
        self._cut_off = False
        self._stop: Callable[[], None] | None = access.replica.listen(self._tell)

    def __aiter__(self) -> "Watch":
        return self

    async def __anext__(self) -> Change:
        """The next change, however long that takes. `Busy` if the reader was too slow."""
        if not await self._wait():
            raise StopAsyncIteration
        return self._ready.popleft()

    @property
    def ready(self) -> bool:
        """Whether there is something to give without waiting."""
        return bool(self._ready)

    @property
    def waiting(self) -> int:
        """How many batches there are to give without waiting."""
        return sum(change.last for change in self._ready)

    async def batch(self) -> list[Change] | None:
        """The watched changes of the next batch, all that took effect at once; None at the end."""
        if not await self._wait():
            return None
        changes = [self._ready.popleft()]
        while not changes[-1].last:
            changes.append(self._ready.popleft())
        return changes

    async def _wait(self) -> bool:
        """Whether there is something to give, however long that takes; not once it is closed."""
        while not self._ready:
            self._access.check()
            if self._cut_off:
                raise Busy(
                    f"a watch on {self._access.name!r} fell {CHANGES_MAX} changes behind and was"
                    " cut off; read the documents and watch anew"
                )
            if self._stop is None:
                return False
            self._more.clear()
            await self._more.wait()
        return True

    async def aclose(self) -> None:
        """End it; what was not taken is not given any more."""
        self._ready.clear()
        self._forget()
        self._cut_off = False
        self._more.set()

    # ------------------------------------------------------------------ what the replica tells

    def _tell(self, batch: Sequence[Changed]) -> None:
        changes = [self._change(one) for one in batch if self._is_watched(one)]
        if self._where is not None:
            changes = [change for change in changes if self._where(change)]
        if not changes:
            return
        changes[-1] = changes[-1]._replace(last=True)
        if len(self._ready) + len(changes) > CHANGES_MAX:
            self._ready.clear()  # a reader that is cut off at once knows so at once
            self._cut_off = True
            self._forget()
        else:
            self._ready.extend(changes)
        self._more.set()

    def _is_watched(self, changed: Changed) -> bool:
        if self._key is not None and changed.key != self._key:
            return False
        names = names_of(changed.path)
        # what is above the path takes it along: the document was deleted, a map key removed
        return not self._path or all(a == b for a, b in zip(names, self._path, strict=False))

    def _change(self, changed: Changed) -> Change:
        event = changed.event
        field = field_at(self._document, changed.path)
        before, after, patches = changed.before, changed.after, patches_of(changed)
        if patches is not None:
            before = after = None
        elif field is not None:
            before, after = field.loaded(before), field.loaded(after)
        if patches and isinstance(field, List):
            patches = tuple([(pos, gone, field.loaded(values)) for pos, gone, values in patches])
        replica = self._access.replica
        return Change(
            changed.key,
            names_of(changed.path),
            before,
            after,
            event.who or (replica.who(event.replica) if event.replica else ""),
            time_of(event.hlc),
            event.message,
            event.replica == replica.replica,
            changed.op.kind == DELETE,
            False,
            patches or (),
            _marks_of(changed),
        )

    def _forget(self) -> None:
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()

    def __repr__(self) -> str:
        what = self._access.name if self._key is None else f"{self._access.name}[{self._key!r}]"
        return f"<Watch on {'.'.join((what, *self._path))}>"


def patches_of(changed: Changed) -> tuple[Patch, ...] | None:
    """What happened to something that is changed at positions; None if it is not."""
    tag = tag_of(changed.path[-1]) if changed.path else ""
    before, after = changed.before, changed.after
    if tag == "l":
        if before is not None:  # it was cleared, or came as a whole
            return ((0, len(before), after),) if before or after else ()
        return tuple([(at, gone, list(values)) for at, gone, values in after])
    if tag != "x":
        return None
    if isinstance(after, list):
        patches = [patch for patch in after if not isinstance(patch, MarkChange)]
        return tuple([(pos, gone, content or "") for pos, gone, content in patches])
    return tuple(edits_between(before or "", after or ""))  # it was cleared, or came as a whole


def _marks_of(changed: Changed) -> tuple[MarkChange, ...]:
    told = changed.after if isinstance(changed.after, list) else ()
    return tuple([change for change in told if isinstance(change, MarkChange)])


def _names(path: NamedPath | None) -> tuple[str, ...]:
    names = () if path is None else (path,) if isinstance(path, str) else tuple(path)
    if not all(isinstance(name, str) for name in names):
        raise BadValue(f"path={path!r} is not the name of a field, nor a sequence of names")
    return names
