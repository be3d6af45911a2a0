"""Which epoch ordered which positions of a line, as far as a replica has applied it.

Invariant: starts and epochs both rise; an epoch owns the positions from its start to the next
one's. Each entry names the epoch that ordered it, so the history is a fold of the log, and equal
logs give equal histories.
"""

from bisect import bisect_right

from plait.line.entry import NO_EPOCH, Epoch

EPOCHS_MAX = 1024  # older ones are forgotten; a token from one of them counts as lost


class EpochHistory:
    """The epochs of the applied entries, oldest first."""

    def __init__(self, spans: list[tuple[Epoch, int]] | None = None) -> None:
        self.spans: list[tuple[Epoch, int]] = list(spans or [])

    @property
    def current(self) -> Epoch:
        """The epoch of the last entry applied."""
        return self.spans[-1][0] if self.spans else NO_EPOCH

    def observe(self, epoch: Epoch, position: int) -> bool:
        """Note that `epoch` ordered `position`, the next one; whether that began an epoch."""
        if self.spans and self.spans[-1][0] == epoch:
            return False
        self.spans.append((epoch, position))
        if len(self.spans) > EPOCHS_MAX:
            del self.spans[0]
        return True

    def owner(self, position: int) -> Epoch:
        """The epoch that ordered `position`, which was applied."""
        index = bisect_right(self.spans, position, key=lambda span: span[1])
        return self.spans[index - 1][0] if index else NO_EPOCH

    def lost(self, epoch: Epoch, position: int, applied: int) -> bool:
        """Whether what a reader saw in `epoch`, up to `position`, is not what this line kept.

        False for a position that is not applied yet and may still turn out as the reader saw it.
        """
        if position <= 0:
            return False
        if position <= applied:
            return self.owner(position - 1) != epoch
        return self.current > epoch
