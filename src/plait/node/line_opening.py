"""Which lines are open at a node: all that the control line knows, as far as that is possible.

A line whose engine does not answer is left shut, and tried again now and then: the others open,
and the node serves them. Whoever asks for a shut line is told why.

A line that the node does not follow is let go (`choices`).

Invariant: no line is opened twice; `node.opening` is held by whoever opens or closes some.
"""

import logging
from typing import Any, NamedTuple, Protocol

from plait.base.errors import BadSettings, LogForked, PlaitError, TooStale, Unavailable
from plait.engines.checkpoint import load_checkpoint
from plait.node import lines, takeover
from plait.node.choices import Choices
from plait.node.letting_go import let_go
from plait.node.line_host import LineHost
from plait.types.control import LineRecord

logger = logging.getLogger("plait.node")

AGAIN_S = 2.0  # between two attempts at an engine that does not answer, at least
COST_MAX = 0.25  # of the time, for such attempts: others wait for the lock meanwhile


class Shut(NamedTuple):
    """A line that could not be opened."""

    why: PlaitError
    again_at: float


class Owner(lines.Owner, takeover.Owner, Protocol):
    """The node, as far as its set of lines needs it."""

    lines: dict[str, LineHost]
    choices: Choices


class LineOpening:
    """Opens a node's lines, and remembers which it could not."""

    def __init__(self, node: Owner) -> None:
        self.shut: dict[str, Shut] = {}
        self._node = node
        self._gone: dict[str, None] = {}  # nothing is kept of these

    async def open_all(self) -> None:
        """Open every line that the control line knows; the caller holds `node.opening`."""
        node = self._node
        for record in node.control_machine.lines(node.control.replica.view):
            shut = self.shut.get(record.line)
            if not node.choices.follows(record.line):
                await self._let_go(record.line)
                continue
            self._gone.pop(record.line, None)
            if record.line in node.lines:
                continue
            if shut is None or node.clock.monotonic() >= shut.again_at:
                await self._open(record)

    async def _let_go(self, line: str) -> None:
        """Keep nothing of a line that this node does not follow."""
        host = self._node.lines.pop(line, None)
        self.shut.pop(line, None)
        if host is not None:
            await host.close()
        if line not in self._gone:
            await let_go(self._node.storage, line)
            self._gone[line] = None

    async def _open(self, record: LineRecord) -> None:
        node, line = self._node, record.line
        began = node.clock.monotonic()
        try:
            host = await lines.open_line(node, record)
            try:
                await host.start()
            except BaseException:
                await host.close()  # or two of one line would write to one log
                raise
        except (Unavailable, BadSettings, LogForked) as error:  # an engine's: others do not wait
            # whose state is past the end of what the control line, as known here, calls the last
            # segment is told `LogForked`, until it knows better
            now = node.clock.monotonic()
            pause_s = max(AGAIN_S, (now - began) / COST_MAX)
            if line not in self.shut:
                logger.warning("line %s stays shut: %s", line, error)
            self.shut[line] = Shut(error, now + pause_s)
        else:
            node.lines[line] = host
            takeover.keep_place(node, host, lines.first_leader(host, record))
            if self.shut.pop(line, None) is not None:
                logger.warning("line %s is open", line)

    def absence(self, line: str) -> PlaitError:
        """What is raised for a line that is not open."""
        choices = self._node.choices
        if not choices.follows(line):
            return choices.refusal(f"line {line!r}")
        why = self.why_shut(line) or "it is not known yet"
        return TooStale(f"line {line!r} is not open at {self._node.name}: {why}")

    def why_shut(self, line: str) -> str | None:
        """Why a line is not open, if it was tried."""
        shut = self.shut.get(line)
        return None if shut is None else shut.why.message

    def status(self) -> dict[str, dict[str, Any]]:
        """Of each line that is shut, what people want to know."""
        found = {}
        for line, shut in sorted(self.shut.items()):
            checkpoint = load_checkpoint(self._node.storage.state(line))
            epoch = checkpoint.spans[-1][0] if checkpoint.spans else ""
            found[line] = {
                "role": "shut",
                "leader": None,
                "halted": f"it cannot be opened: {shut.why.message}",
                "epoch": str(epoch),
                "applied": checkpoint.applied,
            }
        return found
