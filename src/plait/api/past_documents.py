"""Documents as they were: a replica that reads, and refuses what would write."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from plait.base.causality import Context, Dot
from plait.engines.graph_port import Changed, GraphReplica, GraphView, Past, Refusal
from plait.types.graph_type import Mutation
from plait.types.paths import Path
from plait.types.shelf import Note


class PastReplica:
    """Implements `plait.engines.graph_port.GraphReplica` over one that stands still."""

    def __init__(self, inner: GraphReplica, refuse: Callable[[], NoReturn]) -> None:
        self._inner = inner
        self._refuse = refuse
        self.name = inner.name
        self.author: str | None = None  # nothing is written, so nobody is named

    @property
    def replica(self) -> int:
        """Nobody's who wrote any of it."""
        return self._inner.replica

    @property
    def vector(self) -> Context:
        """What had been delivered by then."""
        return self._inner.vector

    def check(self) -> None:
        """Raise `Closed`, `WrongThread`."""
        self._inner.check()

    # ------------------------------------------------------------------ reading

    def object(self, key: str, path: Path) -> Any | None:
        """The state of an object."""
        return self._inner.object(key, path)

    def children(self, key: str, path: Path) -> list[str]:
        """Components of the children that are alive, sorted."""
        return self._inner.children(key, path)

    def exists(self, key: str) -> bool:
        """Whether the document was there."""
        return self._inner.exists(key)

    def keys(self, start: str | None = None, stop: str | None = None) -> Iterator[str]:
        """The keys of the documents that were there, in order."""
        return self._inner.keys(start, stop)

    def count(self) -> int:
        """How many documents were there."""
        return self._inner.count()

    def contended(self, tags: Sequence[str], key: str | None = None) -> list[tuple[str, Path]]:
        """Registers that may have held concurrent writes."""
        return self._inner.contended(tags, key)

    def past(self, version: Context | None, time_ms: int | None) -> GraphView:
        """The documents as of a version before that. `HistoryTrimmed`."""
        return self._inner.past(version, time_ms)

    def history(self, key: str) -> Iterator[Past]:
        """The batches that touched a document, oldest first. `HistoryTrimmed`."""
        return self._inner.history(key)

    def who(self, replica: int, seq: int = 0) -> str:
        """The name that a replica was admitted under."""
        return self._inner.who(replica, seq)

    def when(self, replica: int, seq: int) -> int | None:
        """When an event was stamped."""
        return self._inner.when(replica, seq)

    def listen(self, tell: Callable[[Sequence[Changed]], None]) -> Callable[[], None]:
        """Nothing changes."""
        return lambda: None

    def heed(self, tell: Callable[[str, bool], None]) -> Callable[[], None]:
        """Nothing changes."""
        return lambda: None

    def everybody(self) -> dict[int, Any]:
        """Nobody is here."""
        return {}

    def on_presence(self, tell: Callable[[int, Any], None]) -> Callable[[], None]:
        """Nobody comes."""
        return lambda: None

    def refused(self) -> list[Refusal]:
        """Nothing is written, so nothing is refused."""
        return []

    def on_refused(self, tell: Callable[[Refusal], None]) -> Callable[[], None]:
        """Nothing is refused."""
        return lambda: None

    def heed_rollback(self, forget: Callable[[str], None]) -> None:
        """Nothing is rolled back."""

    async def flush(self) -> None:
        """Nothing is written."""

    async def kept(self) -> None:
        """Nothing is written."""

    async def load(self, keys: Sequence[str]) -> None:
        """Hold these documents in this process."""
        await self._inner.load(keys)

    # ------------------------------------------------------------------ refused

    def mutate(
        self, key: str, path: Path, mutation: Mutation, note: Note | None = None
    ) -> tuple[int, int] | None:
        """Refuse."""
        self._refuse()

    def assign(self, path: Path, values: Mapping[str, Any]) -> bool:
        """Refuse."""
        self._refuse()

    def clear(self, key: str, path: Path) -> None:
        """Refuse."""
        self._refuse()

    def delete(self, key: str) -> None:
        """Refuse."""
        self._refuse()

    def begin(self, message: str | None) -> None:
        """Refuse."""
        self._refuse()

    def commit(self) -> None:
        """Nothing was begun."""

    def discard(self) -> None:
        """Nothing was begun."""

    def dismiss(self, number: int) -> None:
        """There is none."""

    def again(self, number: int) -> None:
        """Refuse."""
        self._refuse()

    def merged(self, key: str, path: Path, heads: Sequence[Dot], digest: bytes) -> None:
        """Values are merged for who reads, and nobody is told."""

    def present(self, value: Any, ttl_s: float) -> None:
        """Refuse."""
        self._refuse()
