"""Shared answer: one question at a time, for everybody who asks meanwhile.

Invariant: whoever asks gets the answer to a question that was put after that, so an answer that
is linearizable for one is so for all.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedAnswer(Generic[T]):
    """Puts `question` again for those who came while it was being answered."""

    def __init__(self, question: Callable[[], Awaitable[T]]) -> None:
        self._question = question
        self._next: asyncio.Future[T] | None = None
        self._task: asyncio.Future[None] | None = None

    async def get(self) -> T:
        """The answer, or what the question raised."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            # Whoever asked may be gone when it fails.
            self._next.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._task is None:
            self._task = asyncio.ensure_future(self._ask())
        return await asyncio.shield(self._next)

    async def _ask(self) -> None:
        while self._next is not None:
            asked, self._next = self._next, None
            try:
                answer = await self._question()
            except Exception as error:  # it is for those who asked
                asked.set_exception(error)
            else:
                asked.set_result(answer)
        self._task = None
