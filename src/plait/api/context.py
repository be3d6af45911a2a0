"""What the handles of one session share: the way to the backend, and what it has seen so far.

Every write and read of a session goes through here. A *mark* says how far into a line the
session has seen; each read is answered from a state that covers its line's mark, so a session
sees its own writes and never goes back, whichever node it asks.

What a session has seen of an epoch is *in doubt* once a later epoch answers, for a promotion may
have cut it: such a mark is kept aside until a replica that knows the later epoch has said that the
line still covers it.

Invariant: a mark only moves forward, except that a store, which is the session of everybody who
asked for none, forgets a mark when it reports it as `SessionLost`; else it could never read that
line again. A session that was asked for keeps saying so.
"""

from asyncio import get_running_loop
from collections.abc import Sequence
from typing import Final

from plait.api.messages import Query
from plait.api.port import Answers, Backend, Mark, Receipt
from plait.api.settings import ReadOptions
from plait.api.token import Marks, decode_token, encode_token
from plait.base.errors import Closed, SessionLost, TooStale, WrongThread
from plait.line.entry import NO_EPOCH, Epoch


class Context:
    """One session on one backend; belongs to one event loop."""

    __slots__ = ("_doubted", "_loop", "_marks", "backend", "closed", "root")

    def __init__(self, backend: Backend, *, root: "Context | None" = None) -> None:
        self.backend: Final = backend
        self.root: Final = root or self  # the store's own; its `closed` counts for all
        self.closed = False
        self._loop = get_running_loop()
        self._marks: Marks = {}
        self._doubted: dict[str, list[Mark]] = {}  # of earlier epochs, by line

    def fork(self, token: str | None) -> "Context":
        """Another session of the same store, that has seen what `token` says."""
        context = Context(self.backend, root=self.root)
        if token is not None:
            context._marks, context._doubted = decode_token(token)
        return context

    def check(self) -> None:
        """Raise `WrongThread` outside the store's event loop, `Closed` after its end."""
        try:
            here = get_running_loop()
        except RuntimeError:
            raise WrongThread("a store was used outside its event loop") from None
        if here is not self._loop:
            raise WrongThread("a store was used from another event loop than the one it opened on")
        if self.root.closed:
            raise Closed("the store was closed")

    # ------------------------------------------------------------------ writing, reading

    async def submit(self, line: str, command: bytes, acks: str | None) -> Receipt:
        """Order one encoded command and remember where it landed."""
        receipt = await self.backend.submit(line, command, acks)
        position = receipt.position + 1
        mark = self._marks.get(line)
        if mark is None or mark[0] != receipt.epoch:
            self.saw(line, receipt.epoch, position)
        elif position > mark[1]:  # as `saw`, without a call: every write is here
            self._marks[line] = (receipt.epoch, position)
        return receipt

    async def read(self, line: str, queries: Sequence[Query], options: ReadOptions) -> Answers:
        """Answer queries from a state that covers what this session has seen."""
        self.check()
        if line in self._doubted:
            await self._settle(line, options)
        mark = self._marks.get(line)
        try:
            answers = await self.backend.read(line, queries, options, mark)
        except SessionLost:
            if self.root is self and self._marks.get(line) == mark:
                self._marks.pop(line, None)
            raise
        if self._marks.get(line) == mark and (mark is None or answers.position >= mark[1]):
            self._marks[line] = (answers.epoch, answers.position)  # it covers the mark
        else:
            self.saw(line, answers.epoch, answers.position)
        return answers

    def glance(self, line: str, queries: Sequence[Query], options: ReadOptions) -> Answers | None:
        """The same without waiting; None if only `read` can tell."""
        self.check()
        if line in self._doubted:
            return None
        mark = self._marks.get(line)
        answers = self.backend.glance(line, queries, options, mark)
        if answers is not None and (mark is None or mark != answers[:2]):
            self.saw(line, answers.epoch, answers.position)
        return answers

    async def _settle(self, line: str, options: ReadOptions) -> None:
        """Find out whether the line still covers what was seen of earlier epochs."""
        for mark in self._doubted.get(line, [])[:]:
            try:
                await self._check_covered(line, options, mark)
            except SessionLost:
                if self.root is self:
                    self._trust(line, mark)
                raise
            self._trust(line, mark)

    async def _check_covered(self, line: str, options: ReadOptions, mark: Mark) -> None:
        """Raise `SessionLost` if the line was cut there, `TooStale` if nobody could tell."""
        later, _ = self._marks.get(line, (NO_EPOCH, 0))
        for asked in (options, ReadOptions("leader")):
            answers = await self.backend.read(line, (), asked, mark)
            if answers.epoch >= later:
                return
        # whoever has not heard of the later epoch still has what that one cut
        raise TooStale(f"line {line} was asked as {answers.epoch} had it, not {later}")

    def _trust(self, line: str, mark: Mark) -> None:
        left = [other for other in self._doubted.get(line, ()) if other != mark]
        if left:
            self._doubted[line] = left
        else:
            self._doubted.pop(line, None)

    # ------------------------------------------------------------------ marks

    def saw(self, line: str, epoch: Epoch, position: int) -> None:
        """An answer covered the line up to `position`, as `epoch` had it."""
        mark = self._marks.get(line)
        if mark is None or epoch > mark[0]:
            if mark is not None:
                self._doubt(line, *mark)
            self._marks[line] = (epoch, position)
        elif epoch < mark[0]:
            self._doubt(line, epoch, position)  # it comes late: the later epoch may have cut it
        elif position > mark[1]:
            self._marks[line] = (epoch, position)

    def _doubt(self, line: str, epoch: Epoch, position: int) -> None:
        doubted = self._doubted.setdefault(line, [])
        same = [mark for mark in doubted if mark[0] == epoch]
        for mark in same:
            position = max(position, mark[1])  # of one epoch the furthest covers the others
            doubted.remove(mark)
        doubted.append((epoch, position))

    def mark(self, line: str) -> Mark | None:
        """How far this session has seen a line."""
        return self._marks.get(line)

    @property
    def token(self) -> str:
        """What this session has seen, as text."""
        return encode_token(self._marks, self._doubted)

    def __repr__(self) -> str:
        seen = ", ".join(f"{line}@{position}" for line, (_, position) in self._marks.items())
        return seen or "has seen nothing"
