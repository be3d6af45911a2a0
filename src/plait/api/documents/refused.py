"""Refused edits: what was written here, and the cluster did not take.

A replica over the network writes without asking, and is judged where its edits arrive. What its
user has no right to write is taken back here, and nobody else ever saw it; what it was is kept in
this list until a person dismisses it, or writes it once more.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from plait.api.documents.access import Access
from plait.api.documents.naming import names_of
from plait.api.documents.registers import time_of
from plait.api.watching import Watching
from plait.base.errors import Busy
from plait.engines.graph_port import Refusal
from plait.graph.event import APPLY, DELETE, Op
from plait.types.catalogue import type_of
from plait.types.paths import tag_of

WAITING_MAX: Final = 10_000


class RefusedEdit:
    """What one change (or what was written in one go) did to one document, and was refused."""

    __slots__ = ("_access", "_refusal")

    def __init__(self, access: Access, refusal: Refusal) -> None:
        self._access = access
        self._refusal = refusal

    @property
    def collection(self) -> str:
        """The name of the documents."""
        return self._access.name

    @property
    def key(self) -> str:
        """The document."""
        return self._refusal.key

    @property
    def reason(self) -> str:
        """The right that was lacking, or what else it was refused for."""
        return self._refusal.reason

    @property
    def by(self) -> str:
        """The node that refused it."""
        return self._access.replica.who(self._refusal.by)

    @property
    def who(self) -> str:
        """Who wrote it."""
        event = self._refusal.event
        return event.who or self._access.replica.who(event.replica)

    @property
    def when(self) -> datetime:
        """When it was written."""
        return time_of(self._refusal.event.hlc)

    @property
    def message(self) -> str | None:
        """The message of the change."""
        return self._refusal.event.message

    @property
    def paths(self) -> list[tuple[str, ...]]:
        """What it changed, as names of fields; () is the document itself."""
        return list(dict.fromkeys(names_of(op.path) for op in self._refusal.ops))

    @property
    def operations(self) -> list[dict[str, Any]]:
        """What was done, one after the other, as plain data: ``path``, ``type``, ``kind`` (apply,
        clear, delete), and ``body``, which is the type's own: ``[value]`` of a register, the amount
        of a counter, ``[position, text or how many are deleted, ...]`` of a text."""
        return [_plain(op) for op in self._refusal.ops]

    def dismiss(self) -> None:
        """Be done with it: it is not listed any more."""
        self._access.check()
        self._access.replica.dismiss(self._refusal.number)

    def again(self) -> None:
        """Write it once more, on what there is now, and be done with it.

        Counts are added, registers are set; what was typed is typed where it was, as far as there
        is such a place. Somebody has to have granted the right by then: else it is refused again.
        """
        self._access.check()
        self._access.replica.again(self._refusal.number)
        self._access.replica.dismiss(self._refusal.number)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, for JSON or a file."""
        return {
            "collection": self.collection,
            "key": self.key,
            "reason": self.reason,
            "by": self.by,
            "who": self.who,
            "when": self.when.isoformat(),
            "message": self.message,
            "operations": self.operations,
        }

    def __repr__(self) -> str:
        return f"<RefusedEdit of {self.collection}[{self.key!r}]: {self.reason}>"


class RefusedWatch(Watching):
    """An async iterator of `RefusedEdit`; made by `Documents.watch_refused`.

    It begins when it is made. End it with `aclose` or ``async with``. `Busy` for a reader that is
    `WAITING_MAX` behind: `Documents.refused` lists what there is.
    """

    def __init__(self, access: Access) -> None:
        access.check()
        self._access = access
        self._ready: deque[RefusedEdit] = deque()
        self._more = asyncio.Event()
        self._cut_off = False
        self._stop: Callable[[], None] | None = access.replica.on_refused(self._tell)

    def __aiter__(self) -> "RefusedWatch":
        return self

    async def __anext__(self) -> RefusedEdit:
        """The next one, however long that takes."""
        while not self._ready:
            self._access.check()
            if self._cut_off:
                raise Busy(f"a watch on refused edits fell {WAITING_MAX} behind and was cut off")
            if self._stop is None:
                raise StopAsyncIteration
            self._more.clear()
            await self._more.wait()
        return self._ready.popleft()

    async def aclose(self) -> None:
        """End it; what was not taken is not given any more."""
        self._ready.clear()
        self._cut_off = False
        self._forget()
        self._more.set()

    def _tell(self, refusal: Refusal) -> None:
        if len(self._ready) >= WAITING_MAX:
            self._ready.clear()
            self._cut_off = True
            self._forget()
        else:
            self._ready.append(RefusedEdit(self._access, refusal))
        self._more.set()

    def _forget(self) -> None:
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()

    def __repr__(self) -> str:
        return f"<RefusedWatch on {self._access.name!r}>"


def refused_in(access: Access) -> list[RefusedEdit]:
    """The refused edits of a collection, oldest first."""
    access.check()
    return [RefusedEdit(access, refusal) for refusal in access.replica.refused()]


def _plain(op: Op) -> dict[str, Any]:
    kind = "apply" if op.kind == APPLY else "delete" if op.kind == DELETE else "clear"
    type_ = type(type_of(tag_of(op.path[-1]))).__name__ if op.path else "Document"
    return {"path": list(names_of(op.path)), "type": type_, "kind": kind, "body": op.body}
