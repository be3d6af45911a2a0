"""Linearizable reads without writing: what a leader must know before it names its commit index.

Reads wait in one queue. A *round* asks every follower for a sign of life; once a majority has
answered it, nobody else can have led before the round began, so the commit index of that moment
covers every write that was completed before. One round is under way at a time, and serves every
read that had come before it began.

Invariant: a read is answered with a commit index of its own leader's term, from a moment after
the read was asked.

Source: Ongaro's thesis 6.4.
"""

from collections.abc import Callable
from typing import NamedTuple


class Asked(NamedTuple):
    """A read, and who asked: a peer, or this member's own readers (None)."""

    peer: str | None
    id: int


class Reads:
    """The reads that wait at a leader."""

    def __init__(self) -> None:
        self._waiting: list[Asked] = []
        self._under_way: list[Asked] = []
        self._round = 0
        self._commit = 0

    def ask(self, asked: Asked) -> None:
        """A read came."""
        self._waiting.append(asked)

    def begin(self, commit: int, begin_round: Callable[[], int]) -> None:
        """Let the next round begin, if reads wait and none is under way."""
        if self._waiting and not self._under_way:
            self._under_way, self._waiting = self._waiting, []
            self._commit = commit
            self._round = begin_round()

    def confirmed(self, answered: Callable[[int], bool]) -> tuple[int, list[Asked]]:
        """The commit index and the reads that may be answered with it by now."""
        if not self._under_way or not answered(self._round):
            return 0, []
        done, self._under_way = self._under_way, []
        return self._commit, done

    def abandon(self) -> list[Asked]:
        """Every read that waits: this member leads no more."""
        abandoned = self._under_way + self._waiting
        self._under_way, self._waiting = [], []
        return abandoned

    def __bool__(self) -> bool:
        return bool(self._waiting or self._under_way)
