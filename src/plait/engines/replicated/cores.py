"""What the shared engine knows of a core: primary's and Raft's are both of this shape."""

from collections.abc import Sequence
from typing import Any, Protocol

from plait.base.errors import PlaitError
from plait.line.membership import Target
from plait.line.replication.member import Member
from plait.line.replication.sender import Sender


class Core(Protocol):
    """What a driver knows of a core."""

    @property
    def member(self) -> Member: ...

    @property
    def deadline(self) -> float: ...

    def step(self, event: Any, now: float) -> Sequence[Any]: ...


class LineCore(Core, Protocol):
    """What a loglet knows of a core."""

    @property
    def leader(self) -> str | None: ...

    @property
    def sender(self) -> Sender | None: ...

    @property
    def opening(self) -> int: ...

    @property
    def role(self) -> Any: ...

    def note_applied(self, position: int, records: int, now: float) -> None: ...

    def refusal(self) -> PlaitError | None: ...

    def reconfiguration_refusal(self, target: Target) -> PlaitError | None: ...
