"""Who takes a line's lead: an operator's promotion, a former leader that wants its place back, or
whoever holds most when a leader is told to stop.

A restarted leader takes its place again only if nobody else was promised since (see
`line.primary`); that is how a cluster starts, and how it survives a restart without an operator.
Granting an epoch to somebody else is left to people here; a control group can do it likewise.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Protocol

from plait.base.errors import PlaitError, PromotionRefused, Unavailable
from plait.base.ports import Clock
from plait.line.replication.follower import Follower
from plait.node.config import NodeConfig
from plait.node.line_host import LineHost
from plait.types.control import ControlMachine

logger = logging.getLogger("plait.takeover")

RESUME_S = 2.0
CONTROL_S = 5.0
PAUSE_S = 0.25
LOOK_S = 0.01


class Candidates(Protocol):
    """The node, as far as choosing among its followers needs it."""

    clock: Clock
    config: NodeConfig


class Reluctant(Protocol):
    """Who leads only if nobody else can."""

    @property
    def reluctant(self) -> tuple[str, ...]: ...


class Owner(Candidates, Protocol):
    """The node, as far as taking over needs it."""

    name: str
    control: LineHost
    control_machine: ControlMachine

    @property
    def followers(self) -> Reluctant: ...

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
    mine = (last.candidate or first_leader) == node.name  # nobody led where a segment begins
    if mine:
        node.spawn(_resume(node, host))


def take_place(node: Owner, host: LineHost, leader: str) -> None:
    """Lead a group that has just begun, if this is the node that is to."""
    if leader == node.name:
        if host.primary is not None:
            node.spawn(_resume(node, host))
        elif host.raft is not None:
            node.spawn(_stand(node, host))


async def _stand(node: Owner, host: LineHost) -> None:
    """Others may not have heard of the group yet: stand until somebody leads."""
    raft, until = host.raft, node.clock.monotonic() + RESUME_S
    while raft is host.raft and raft is not None and node.clock.monotonic() < until:
        if raft.leader is not None or raft.driver.halted is not None:
            return
        raft.stand()
        await asyncio.sleep(LOOK_S)


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


async def hand_over_all(node: Owner, timeout_s: float) -> None:
    """Let others lead what this node leads, where any can: it is about to stop.

    So nobody has to notice by its silence that it is gone.
    """
    led = [host for host in node.hosts() if host.leads and host.group]
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*(_hand_over(node, host, timeout_s) for host in led))
    except TimeoutError:
        logger.info("%s stops, and leads lines that nobody took over in time", node.name)


async def _hand_over(node: Owner, host: LineHost, timeout_s: float) -> None:
    best = best_follower(node, host, node.followers.reluctant)
    if best is None:
        return
    try:
        assert host.group is not None
        promotion = await host.group.loglet.hand_over(best, timeout_s)
    except PlaitError as error:
        logger.info("line %s is not handed over: %s", host.line, error)
        return
    logger.info("line %s is handed over to %s: %s", host.line, best, promotion.why)
    while promotion.won and host.leader in (None, node.name):
        await asyncio.sleep(LOOK_S)  # until clients can be told where to go


def best_follower(node: Candidates, host: LineHost, reluctant: Collection[str] = ()) -> str | None:
    """The voter that holds most and answered lately; no witness, no new disk, none of
    `reluctant`."""
    membership = host.membership
    sender = None if host.group is None else host.group.loglet.sender
    if sender is None:
        return None
    lately = sender.heard_within(node.config.limits.election_s, node.clock.monotonic())
    able = [
        (sender.progress[peer].match, peer)
        for peer in lately
        if peer in membership.voters
        and peer not in membership.witnesses
        and peer not in reluctant
        and not sender.progress[peer].fresh
    ]
    return max(able)[1] if able else None
