"""Opening lines: which engine, which machine, and whether this disk may count on them.

A line whose hard state this folder lacks is either new everywhere, or it was here and the disk
was lost. The control line tells: what it brought about after a leader had admitted this disk
cannot have been lost with an older one.
"""

from typing import Protocol

from plait.base.ports import Clock, Storage
from plait.engines.checkpoint import load_checkpoint
from plait.engines.primary import PrimaryLoglet
from plait.engines.primary.opening import open_core
from plait.engines.sqlite import SqliteLoglet
from plait.line.entry import Epoch
from plait.line.primary.messages import Message
from plait.line.quorum import AckRule
from plait.node.config import NodeConfig
from plait.node.line_host import LineHost
from plait.types.control import ControlMachine, LineRecord
from plait.types.table import TableMachine

CONTROL = "control"
_ALONE = Epoch(1, "")


class Owner(Protocol):
    """The node, as far as opening a line needs it."""

    config: NodeConfig
    storage: Storage
    clock: Clock
    control_machine: ControlMachine
    control: LineHost

    def send(self, peer: str, message: Message) -> None: ...


def open_control(node: Owner) -> LineHost:
    """The control line: a plain durable log alone, leader–follower with members."""
    state = node.storage.state(CONTROL)
    if node.config.alone:
        loglet = SqliteLoglet(node.storage.log, CONTROL, _ALONE)
        return LineHost(
            CONTROL, loglet, node.control_machine, state, node.clock, node.send, node.config.limits
        )
    primary = _primary(node, CONTROL, AckRule("majority"), fresh=True)
    return LineHost(
        CONTROL, primary, node.control_machine, state, node.clock, node.send, node.config.limits
    )


def open_line(node: Owner, record: LineRecord) -> LineHost:
    """A line that the control line knows."""
    control = node.control.primary
    admitted_at = 0 if control is None else control.core.member.admitted_at
    fresh = record.created_at < admitted_at
    loglet = _primary(node, record.line, AckRule.parse(record.acks), fresh)
    state = node.storage.state(record.line)
    return LineHost(
        record.line, loglet, TableMachine(), state, node.clock, node.send, node.config.limits
    )


def _primary(node: Owner, line: str, rule: AckRule, fresh: bool) -> PrimaryLoglet:
    log = node.storage.log
    core = open_core(
        log, line, node.config.name, node.config.member_names, rule,
        fresh=fresh, committed=load_checkpoint(node.storage.state(line)).applied,
    )  # fmt: skip
    return PrimaryLoglet(core, log, node.send, node.clock)
