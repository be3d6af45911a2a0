"""Many who watch one collection: what happens is looked at, and put into JSON, once for all.

A hub begins with the first listener to a collection of a store and ends with the last. Invariant: a
thing has an id only if everything that has taken effect by then was told with it or before it, so
who goes on from there misses nothing; and it is told once it is on disk, so a node that is killed
gives no place that it told of to something else. A listener that falls `WAITING_MAX` things behind
is cut off.
"""

import asyncio
import contextlib
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from plait.api.documents import Documents
from plait.api.documents.watching import Change, Watch
from plait.api.store import Store
from plait.base.errors import Busy, Closed, PlaitError
from plait.doors.http.call import to_json

WAITING_MAX = 10_000
TOGETHER_MAX = 256  # batches that wait for the disk together


class Told(NamedTuple):
    """One thing to tell."""

    id: str  # where to go on behind it; "" if that means nothing
    event: str
    data: Any
    json: bytes | None = None  # the data, if somebody else needed it too


def json_of(told: Told) -> bytes:
    """What is told, as JSON."""
    return to_json(told.data) if told.json is None else told.json


class Listener:
    """One who watches; `key`: only that document. `known`: so many batches are old to it."""

    def __init__(self, key: str | None, known: int) -> None:
        self.key = key
        self.known = known
        self._waiting: deque[Told] = deque()
        self._news = asyncio.Event()
        self._error: PlaitError | None = None

    def tell(self, told: Told) -> None:
        """Something happened."""
        if len(self._waiting) >= WAITING_MAX:
            self.end(Busy(f"this watch fell {WAITING_MAX} changes behind; go on where it was"))
        if self._error is None:
            self._waiting.append(told)
            self._news.set()

    def end(self, error: PlaitError) -> None:
        """Nothing more comes, once what waits was taken."""
        self._error = self._error or error
        self._news.set()

    async def next(self) -> Told:
        """The next thing, however long that takes. Cancelling this loses none."""
        while not self._waiting:
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()


class _Hub:
    """The listeners to one collection."""

    def __init__(self, documents: Documents[Any]) -> None:
        self.listeners: dict[Listener, None] = {}
        self.ended = False  # whoever comes now needs another one
        self._documents = documents
        self._watch = documents.watch()
        self._task = asyncio.get_running_loop().create_task(self._run(self._watch))

    @property
    def untold(self) -> int:
        """How many batches have taken effect, and nobody looked at them yet."""
        return self._watch.waiting

    async def _run(self, watch: Watch) -> None:
        try:
            while (batch := await watch.batch()) is not None:
                batches = [batch]
                while watch.ready and len(batches) < TOGETHER_MAX:
                    batches.append(await watch.batch() or [])
                # whoever comes while this waits for the disk begins behind it
                version, listeners = self._documents.version, list(self.listeners)
                last = "" if watch.ready else version
                await self._documents.kept()
                for number, batch in enumerate(batches, 1):
                    self._tell(listeners, batch, last if number == len(batches) else "")
            error: PlaitError = Closed("this watch has ended")
        except PlaitError as caught:
            error = caught
        self.ended = True
        for listener in list(self.listeners):
            listener.end(error)

    def _tell(self, listeners: Sequence[Listener], batch: list[Change], version: str) -> None:
        shared: dict[str | None, Told] = {}
        keys = {change.key for change in batch}
        for listener in listeners:
            if listener.known:
                listener.known -= 1
                continue
            if listener.key is not None and listener.key not in keys:
                continue
            key = None if len(keys) == 1 else listener.key
            if key not in shared:
                shared[key] = _told([one for one in batch if key in (None, one.key)], version)
            listener.tell(shared[key])

    async def close(self) -> None:
        """Nobody listens any more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._watch.aclose()


_hubs: "weakref.WeakKeyDictionary[Store, dict[str, _Hub]]" = weakref.WeakKeyDictionary()
_closing: dict[asyncio.Task[None], None] = {}


@contextlib.contextmanager
def subscribed(store: Store, documents: Documents[Any], key: str | None) -> Iterator[Listener]:
    """Listen to a collection of a store until exit; from this very moment on."""
    hubs = _hubs.setdefault(store, {})
    name = documents.name
    hub = hubs.get(name)
    if hub is None or hub.ended:
        hub = hubs[name] = _Hub(documents)
    listener = Listener(key, hub.untold)
    hub.listeners[listener] = None
    try:
        yield listener
    finally:
        hub.listeners.pop(listener, None)
        if not hub.listeners:
            if hubs.get(name) is hub:
                del hubs[name]
            task = asyncio.get_running_loop().create_task(hub.close())
            _closing[task] = None
            task.add_done_callback(_closing.pop)


def _told(batch: list[Change], version: str) -> Told:
    data = {"changes": [document_change(change) for change in batch], "version": version or None}
    return Told(version, "changes", data, to_json(data))


def document_change(change: Change) -> dict[str, Any]:
    """What happened at one place of a document."""
    told: dict[str, Any] = {
        "key": change.key, "path": list(change.path), "who": change.who,
        "when": change.when, "deleted": change.deleted,
    }  # fmt: skip
    if change.message is not None:
        told["message"] = change.message
    if change.patches:
        told["patches"] = [
            {"at": at, "delete": gone, "insert": content} for at, gone, content in change.patches
        ]
    elif not change.marks:
        told |= {"before": plain(change.before), "after": plain(change.after)}
    if change.marks:
        told["marks"] = [list(mark) for mark in change.marks]
    return told


def plain(value: Any) -> Any:
    """A value as JSON has it: sets as lists in order."""
    if isinstance(value, set | frozenset):
        return sorted((plain(one) for one in value), key=repr)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
