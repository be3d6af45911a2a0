"""Who wrote an event, and when: asked of the batches that are kept, the open one included."""

from plait.base.hlc import hlc_ms
from plait.engines.graph.parts import Parts
from plait.engines.graph.writer import Writer


class Authors:
    """Of one replica."""

    __slots__ = ("_parts", "_writer")

    def __init__(self, parts: Parts, writer: Writer) -> None:
        self._parts = parts
        self._writer = writer

    def who(self, replica: int, seq: int = 0) -> str:
        """A replica's name, or its id in hex; of an event its author, while its batch is kept."""
        batch = self._parts.scope.history.batch_at((replica, seq)) if seq else None
        open_ = self._writer.has_open(replica, seq)
        who = self._writer.who if open_ else batch and batch.who
        return who or self._parts.name_of(replica)

    def when(self, replica: int, seq: int) -> int | None:
        """When an event was stamped, in milliseconds since 1970; None if its batch is not kept."""
        if self._writer.has_open(replica, seq):
            return hlc_ms(self._writer.hlc)
        batch = self._parts.scope.history.batch_at((replica, seq))
        return None if batch is None else hlc_ms(batch.hlc)
