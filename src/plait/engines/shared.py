"""Shared engines: a server that other people run, under the lines of any number of nodes.

A node is then a cache of the fold with a checkpoint of its own; the log, the register that says
which loglets make up a line, and copies of the state for newcomers are the server's. Everything
that Plait keeps there bears a *namespace*, so that two clusters on one server never mix.

Invariants: what one node was acknowledged, every node reads, at one position; a name that was
opened with one origin is never opened with another. Source: Balakrishnan et al., "Virtual
Consensus in Delos" (OSDI '20), whose loglets over ZooKeeper and LogDevice these resemble.
Absent: what is in a log or a copy; who asks for which.
"""

from typing import Literal, NamedTuple, Protocol

from plait.base.ports import Snapshot
from plait.engines.metastore import Metastore
from plait.line.loglet import BEGINNING, Loglet, Origin


class Known(NamedTuple):
    """A place in a log that the caller has been at: so many records stand before it."""

    position: int
    records: int


class Finding(NamedTuple):
    """What is wrong with how a server is set up."""

    severity: Literal["refuse", "warn"]  # refuse: what was acknowledged could be lost
    what: str
    remedy: str


class SharedCopy(NamedTuple):
    """A copy of a line's state that a newcomer can begin with."""

    position: int  # everything below is in it
    size: int  # bytes
    checksum: int  # CRC-32 of them
    meta: bytes  # the caller's own


class SharedEngine(Protocol):
    """One server, or several that are one, as one node uses it: a single connection for all.

    Every method raises `Unavailable` when the server does not answer in time.
    """

    @property
    def url(self) -> str:
        """Where it is, without secrets."""
        ...

    @property
    def entry_bytes_max(self) -> int:
        """The largest entry that it takes."""
        ...

    async def prepare(self, name: str) -> None:
        """Do what `open` of a loglet that is not there yet does without its origin.

        May be done by several and again, also when the loglet is there; what is prepared and
        never opened is empty, and taken by the next who opens that name. Raises as `open` does.
        """
        ...

    async def open(
        self, name: str, origin: Origin = BEGINNING, known: Known | None = None
    ) -> Loglet:
        """The loglet called `name`, made if there is none.

        known: saves reading the log from its head to count records. Raises `BadSettings` if the
        server is set up so that it could lose what it acknowledged, or if the loglet began
        elsewhere.
        """
        ...

    async def register(self, name: str) -> Metastore:
        """A register that changes by compare-and-set only."""
        ...

    async def examine(self) -> list[Finding]:
        """What is wrong with how the server is set up, worst first."""
        ...

    async def put_copy(self, name: str, copy: SharedCopy, data: Snapshot) -> None:
        """Keep a copy of a line's state; older ones of that name go, but for the last."""
        ...

    async def latest_copy(self, name: str) -> SharedCopy | None:
        """The newest whole copy of that name."""
        ...

    async def read_copy(self, name: str, copy: SharedCopy, offset: int, count: int) -> bytes:
        """Bytes of a copy; `HistoryTrimmed` if it went meanwhile."""
        ...

    async def drop(self, name: str) -> None:
        """Remove a loglet and its copies, which nobody needs any more; for good."""
        ...

    async def close(self) -> None:
        """Hang up; every loglet of it is closed."""
        ...
