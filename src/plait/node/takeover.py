"""Who takes a line's lead: an operator's promotion, or a former leader that wants its place back.

A restarted leader takes its place again only if nobody else was promised since (see
`line.primary`); that is how a cluster starts, and how it survives a restart without an operator.
Granting an epoch to somebody else is left to people here; a control group can do it likewise.
"""

import asyncio
import logging
from typing import Any, Protocol

from plait.base.errors import PlaitError, PromotionRefused, Unavailable
from plait.line.replication.follower import Follower
from plait.node.line_host import LineHost
from plait.types.control import ControlMachine

logger = logging.getLogger("plait.takeover")

RESUME_S = 2.0
CONTROL_S = 5.0
PAUSE_S = 0.25


class Owner(Protocol):
    """The node, as far as taking over needs it."""

    name: str
    control: LineHost
    control_machine: ControlMachine

    def adopt_rules(self) -> None: ...

    def hosts(self) -> list[LineHost]: ...

    def host(self, line: str) -> LineHost: ...

    def spawn(self, work: Any) -> None: ...


def keep_place(node: Owner, host: LineHost, first_leader: str) -> None:
    """Take the lead again if it was ours, or ours to begin with."""
    primary = host.primary
    if primary is None:
        return
    member = primary.core.member
    last = member.log.last_epoch
    mine = last.candidate == node.name if last.number else first_leader == node.name
    if mine:
        node.spawn(_resume(node, host))


async def _resume(node: Owner, host: LineHost) -> None:
    primary = host.primary
    assert primary is not None
    while True:
        role = primary.core.role
        if not isinstance(role, Follower) or role.leader is not None:
            return
        try:
            promotion = await primary.promote(RESUME_S, resume=True)
        except PlaitError:
            return  # closed, or the disk refuses
        if promotion.won:
            logger.info("%s leads %s again", node.name, host.line)
            return
        promised = primary.core.member.promised
        if promised.number and promised.candidate != node.name:
            logger.info("%s does not lead %s any more: %s", node.name, host.line, promotion.why)
            return
        await asyncio.sleep(PAUSE_S)


async def promote_lines(
    node: Owner, line: str | None, accept_loss: bool, timeout_s: float
) -> dict[str, Any]:
    """Promote this node on one leader–follower line, or on all of them.

    Raises `PromotionRefused` with the whole report if any line was refused.
    """
    chosen = [host for host in node.hosts() if host.primary] if line is None else [node.host(line)]
    for host in chosen:
        if not accept_loss:
            await _know_the_rule(node, host)
    results = await asyncio.gather(*(_promote(host, accept_loss, timeout_s) for host in chosen))
    report = {host.line: result for host, result in zip(chosen, results, strict=True)}
    refused = [f"{name}: {result['why']}" for name, result in report.items() if not result["ok"]]
    if refused:
        raise PromotionRefused(
            f"{node.name} was not promoted on {len(refused)} of {len(chosen)} lines: "
            + "; ".join(refused),
            node=node.name, lines=report,
        )  # fmt: skip
    return {"node": node.name, "lines": report}


async def _know_the_rule(node: Owner, host: LineHost) -> None:
    """A degraded line was committed by fewer: only a current control line tells by how few."""
    degradable = any(
        record.line == host.line and record.degrade
        for record in node.control_machine.lines(node.control.replica.view)
    )
    if not degradable:
        return
    assert node.control.raft is not None
    try:
        position = await node.control.raft.read_index(CONTROL_S)
    except Unavailable:
        raise PromotionRefused(
            f"{host.line} may be degraded, and the control line has no majority to say so"
        ) from None
    await node.control.replica.wait_applied(position, timeout=CONTROL_S)
    node.adopt_rules()


async def _promote(host: LineHost, accept_loss: bool, timeout_s: float) -> dict[str, Any]:
    if host.primary is None:
        return {"ok": False, "why": "a majority elects its leader; `transfer` moves it"}
    promotion = await host.primary.promote(timeout_s, accept_loss)
    return {"ok": promotion.won, "why": promotion.why, **promotion.details}
