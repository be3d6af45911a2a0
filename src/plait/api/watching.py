"""What every watch is to `async with`: it ends with the block."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Watching(ABC):
    """Something that is told until it is closed."""

    @abstractmethod
    async def aclose(self) -> None:
        """End it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
