"""The register of a line's chain, which is in the control line.

A change is ordered by whoever leads the control line; other nodes ask it to, and see by what they
fold whether theirs was the change. A register of version n holds what n - 1 changes made of the
configuration that the line was founded with.
"""

import asyncio
import logging
from typing import Any, Protocol

from plait.base.errors import Conflict, PlaitError, Unavailable
from plait.base.ports import Clock
from plait.line.chain import encode_configuration
from plait.line.outcome import Outcome
from plait.node.line_host import LineHost
from plait.node.said import ChainWanted
from plait.node.segments import first_configuration
from plait.types.commands import Command, SetChain
from plait.types.control import ControlMachine, LineRecord

logger = logging.getLogger("plait.moves")

ANSWER_S = 5.0
ASK_S = 0.5  # a request may be lost
PAUSE_S = 0.05


class Owner(Protocol):
    """The node, as far as its registers need it."""

    name: str
    clock: Clock
    control: LineHost
    control_machine: ControlMachine

    def send(self, peer: str, message: Any) -> None: ...

    async def command(self, line: str, command: Command) -> Outcome: ...


class ControlMetastore:
    """The register of one line, as one node uses it; implements `Metastore`."""

    def __init__(self, node: Owner, record: LineRecord) -> None:
        self._node = node
        self._record = record
        self._asked = False

    async def get(self) -> tuple[int, bytes]:
        """Version and value.

        At first as far as this node knows, for a node that starts has to open what it knew: where
        that is out of date, a sealed loglet leads to another question, which is linearizable.
        """
        if self._asked:
            await self._node.control.caught_up(ANSWER_S)
        self._asked = True
        return self._known()

    def _known(self) -> tuple[int, bytes]:
        node, line = self._node, self._record.line
        version, data = node.control_machine.chain(node.control.replica.view, line)
        if not version:
            return 1, encode_configuration(first_configuration(self._record))
        return version + 1, data

    async def compare_and_set(self, version: int, data: bytes) -> int:
        """Replace the value if it still has `version`; the new version."""
        node = self._node
        wanted = ChainWanted(self._record.line, version - 1, data)
        until = node.clock.monotonic() + ANSWER_S
        while self._known()[0] == version:
            if node.clock.monotonic() > until:
                raise Unavailable(f"nobody leads the control line: {wanted.line} stays as it is")
            await self._ask(wanted)
        found = self._known()
        if found != (version + 1, data):
            raise Conflict(f"the register is at version {found[0]}, not {version}")
        return version + 1

    async def _ask(self, wanted: ChainWanted) -> None:
        node = self._node
        applied = node.control.replica.applied
        if node.control.leads:
            await order(node, wanted)
        elif node.control.leader is not None:
            node.send(node.control.leader, wanted)
        try:
            await node.control.replica.wait_applied(applied + 1, ASK_S)
        except PlaitError:
            await asyncio.sleep(PAUSE_S)  # halted, for example: waiting ends at once then


async def order(node: Owner, wanted: ChainWanted) -> None:
    """Do what another node asked for, if this one leads the control line."""
    if node.control.leads:
        try:
            await node.command(node.control.line, SetChain(*_fields(wanted)))
        except PlaitError as error:  # whoever asked sees what is there instead
            logger.info("the chain of %s stays: %s", wanted.line, error)


def _fields(wanted: ChainWanted) -> tuple[str, int, bytes]:
    return wanted.line, wanted.version, wanted.data
