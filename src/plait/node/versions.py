"""Versions of records: what may be written, and who can be a node of this cluster.

::

    every node  tells in its greetings the newest version of records that it can read
    the control leader, once every node can read n, logs Enable(n)
    from then on records of version n may be written, and a node that cannot read them is refused

Invariant: no node of the cluster meets a record that it cannot read, unless its program was
replaced by an older one: then it does not start, or stops applying the line (`UnknownRecord`).
An enabled version is never taken back.

Absent: versions of the protocol (`api.messages`), and of users' machines.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from plait.base.errors import PlaitError, Unavailable, UnknownFormat, VersionMismatch
from plait.base.ports import Clock
from plait.line.membership import Membership
from plait.line.outcome import Outcome
from plait.node.line_host import LineHost
from plait.types.commands import RECORDS, Command, Enable
from plait.types.control import ControlMachine

logger = logging.getLogger("plait.versions")

LOOK_S = 0.25
ENABLED_S = 10.0


class Link(Protocol):
    """A connection that is dialled until it is up."""

    reads: int  # what the peer said, once it is up
    refused: str | None

    async def close(self) -> None: ...


class Owner(Protocol):
    """The node, as far as versions need it."""

    name: str
    clock: Clock
    control: LineHost
    control_machine: ControlMachine

    @property
    def membership(self) -> Membership: ...

    def dial(
        self, peer: str, address: str, up: Callable[[str], None], down: Callable[[str], None]
    ) -> Link | None: ...

    def spawn(self, work: Any) -> None: ...

    async def command(self, line: str, command: Command) -> Outcome: ...


class Versions:
    """What this node reads, what the others read, and what is enabled."""

    every_s = LOOK_S

    def __init__(self, node: Owner, reads: int = RECORDS) -> None:
        self.reads = reads
        self._node = node
        self._known: dict[str, int] = {}  # what other nodes said that they read
        self._warned = False
        self._looking = False
        self._enabling = 0  # being logged: who joins meanwhile must be able to read it

    @property
    def enabled(self) -> int:
        """The newest version that may be written, as far as is known here; it may be newer."""
        node = self._node
        return node.control_machine.version(node.control.replica.view)

    def allows(self, version: int) -> bool:
        """Whether records of `version` may be written: every node can read them."""
        return version <= min(self.enabled, self.reads)

    async def wait_for(self, version: int, what: str) -> None:
        """Return once records of `version` may be written; `Unavailable` if not before long."""
        until = self._node.clock.monotonic() + ENABLED_S
        while not self.allows(version):
            if self._node.clock.monotonic() > until:
                raise Unavailable(f"not every node of the cluster knows {what}: upgrade them all")
            await self.look()
            await asyncio.sleep(0.01)

    def note(self, peer: str, reads: int) -> None:
        """A node told what it reads."""
        self._known[peer] = reads

    def check_folder(self) -> None:
        """Raise `UnknownFormat` if the cluster is beyond this program."""
        if self.enabled > self.reads:
            raise UnknownFormat(
                f"the cluster writes records of version {self.enabled}, and this program reads "
                f"them up to version {self.reads}: upgrade it"
            )

    def watch(self) -> None:
        """Look."""
        self._warn()
        if not self._looking and self._due() is not None:
            self._looking = True
            self._node.spawn(self._look())

    async def _look(self) -> None:
        try:
            await self.look()
        except PlaitError as error:
            logger.info("no version is enabled now: %s", error)
        finally:
            self._enabling, self._looking = 0, False

    def _warn(self) -> None:
        if self.enabled > self.reads and not self._warned:
            self._warned = True
            logger.critical(
                "the cluster writes records of version %s, and this program reads them up to "
                "version %s: upgrade it", self.enabled, self.reads,
            )  # fmt: skip

    async def look(self) -> None:
        """Enable what every node can read by now, if this one leads the control line."""
        node, version = self._node, self._due()
        if version is not None:
            self._enabling = version
            await node.command(node.control.line, Enable(version))
            logger.info("every node can read records of version %s: they are written", version)

    def _due(self) -> int | None:
        """The version that every node can read by now, if it is for this one to enable it."""
        node = self._node
        if not node.control.leads or node.control.replica.applied <= node.control.opening:
            return None  # what former leaders have enabled is not known yet
        version = min(self._reads(name) for name in node.membership.members)
        return version if version > self.enabled else None

    def _reads(self, name: str) -> int:
        return self.reads if name == self._node.name else self._known.get(name, 1)

    async def admit(self, name: str, address: str, timeout_s: float) -> None:
        """Raise `VersionMismatch` unless the node that is to join can read what is written.

        `Unavailable` if it does not say so in time.
        """
        node = self._node
        opening = node.control.opening
        await node.control.replica.wait_applied(opening + 1, timeout_s)
        if name != node.name and name not in node.membership.members:
            await self._ask(name, address, timeout_s)
        needed = max(self.enabled, self._enabling)
        if self._reads(name) < needed:
            raise VersionMismatch(
                f"{name} reads records up to version {self._reads(name)}, and the cluster writes "
                f"version {needed}: upgrade {name}, then let it join"
            )

    async def _ask(self, name: str, address: str, timeout_s: float) -> None:
        """Dial a node that is none of ours, until it has answered."""
        heard = asyncio.Event()
        link = self._node.dial(name, address, lambda _: heard.set(), lambda _: None)
        if link is None:
            return  # nobody can be reached from here
        try:
            async with asyncio.timeout(timeout_s):
                await heard.wait()
        except TimeoutError:
            raise Unavailable(
                f"{name} at {address} does not answer: {link.refused or 'no connection'}"
            ) from None
        finally:
            await link.close()
        self.note(name, link.reads)

    def status(self) -> dict[str, Any]:
        """What people want to know."""
        return {
            "reads": self.reads,
            "enabled": self.enabled,
            "others": dict(sorted(self._known.items())),
        }
