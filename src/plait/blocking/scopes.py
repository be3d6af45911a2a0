"""What ``with`` does to a thing that lives on the portal's loop.

Absent: documents' changes, which belong to the thread that opened them (`blocking.documents`).
"""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from plait.host.portal import Portal

M = TypeVar("M", bound=AbstractAsyncContextManager[Any])


class Entered(Generic[M]):
    """``with`` for what has ``async with``: entered and left on the loop."""

    def __init__(self, portal: Portal[Any], inner: M) -> None:
        self._portal = portal
        self._inner = inner

    def __enter__(self) -> Self:
        self._portal.call(self._inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._portal.call(self._inner.__aexit__(kind, error, trace))

    def __repr__(self) -> str:
        return repr(self._inner)


class Closing(ABC):
    """``with`` for what is open already: it is closed at the end."""

    @abstractmethod
    def close(self) -> None:
        """End it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
