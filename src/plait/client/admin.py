"""What an operator asks: status of all members, promotion, switch-over, rescued suffixes.

A node's status, as far as it is read here::

    {"lines": {line: {"role": "leader" | "follower", "epoch": [number, candidate], "durable": n}}}

Promotion and switch-over are sent once: a second attempt after an unclear first one is for the
operator to decide, who sees the outcome in the status.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from plait.api.messages import (
    DropRescuedRequest,
    Examine,
    FlushRequest,
    LendCopies,
    ListRescued,
    Move,
    OpenPast,
    Promote,
    RescuedGroups,
    ShowRescued,
    StatusRequest,
    SwitchOver,
)
from plait.base.errors import (
    LossNotAccepted,
    NoHistory,
    NoSuchCollection,
    NotAllowed,
    NotLeader,
    PlaitError,
    PromotionRefused,
    Unavailable,
    VersionMismatch,
)
from plait.client.cluster import Cluster
from plait.client.copies import LentCopies
from plait.client.replay import replay

PAST_S = 3600.0  # that making a copy of the store as it was may take
GRACE_S = 2.0  # that a node may take longer than it was told, before it counts as silent
FORCE_AGAIN_S, FORCE_WAIT_S = 0.5, 10.0  # a node may be about to hear where a line went


class Admin:
    """Administration of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def status(self) -> dict[str, Any]:
        """``{"nodes": {name: its status, or {"error": why there is none}}}``."""
        answers = await self._ask_all(StatusRequest)
        return {
            "nodes": {
                node: {"error": str(answer)} if isinstance(answer, PlaitError) else answer
                for node, answer in answers.items()
            }
        }

    async def examine(self) -> dict[str, Any]:
        """What each node finds wrong; one that does not answer is a finding itself."""
        answers = await self._ask_all(Examine)
        return {node: _findings(node, answer) for node, answer in answers.items()}

    async def flush(self) -> None:
        """Wait until every member that can be reached has folded what it knows to disk."""
        answers = await self._ask_all(FlushRequest)
        refusals = [a for a in answers.values() if isinstance(a, PlaitError)]
        unreachable = [a for a in refusals if isinstance(a, Unavailable)]
        for error in refusals:
            if not isinstance(error, Unavailable):
                raise error
        if len(unreachable) == len(answers):
            raise unreachable[0] if unreachable else Unavailable("no node can be reached")

    async def promote(
        self, node: str | None, line: str | None, accept_loss: bool, timeout_s: float
    ) -> dict[str, Any]:
        """Make `node`, or the most advanced follower that can be reached, the leader."""
        if node is None:
            node = most_advanced(await self._ask_all(StatusRequest), line)
        link = await self._cluster.link_to(node)
        answer = await link.ask(
            Promote, line, accept_loss, timeout_s, timeout_s=timeout_s + GRACE_S
        )
        return dict(answer.value)

    async def switch_over(self, target: str, line: str | None, timeout_s: float) -> dict[str, Any]:
        """Hand `line`, or every line, over to `target`; asked of the node that leads it.

        With several leaders the answer is ``{"nodes": {leader: its report}}``.
        """
        if line is not None:
            leaders = [(await self._cluster.leader(line)).node]
            if leaders == [target]:
                return {"target": target, "lines": {line: {"ok": True, "why": "led it already"}}}
        else:
            statuses = await self._ask_all(StatusRequest)
            leaders = [n for n, status in statuses.items() if _leads_any(status) and n != target]
        if not leaders:
            raise NotLeader(f"no node but {target} was found to lead a line")
        reports: dict[str, Any] = {}
        for leader in leaders:
            link = await self._cluster.link_to(leader)
            answer = await link.ask(
                SwitchOver, target, line, timeout_s, timeout_s=timeout_s + GRACE_S
            )
            reports[leader] = answer.value
        return dict(reports[leaders[0]]) if len(leaders) == 1 else {"nodes": reports}

    async def force(
        self, what: str, to: str, timeout_s: float, by: str, accept_loss: bool
    ) -> dict[str, Any]:
        """Move a line off a dead engine, to where the node stands that has most of it.

        Where a group of nodes still orders the line, whoever leads it is asked instead. A node may
        be about to hear where the line went: then it is asked again.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + min(timeout_s, FORCE_WAIT_S)
        leader: str | None = None
        while True:
            try:
                return await self._force(leader, what, to, timeout_s, by, accept_loss)
            except NotLeader as error:
                if loop.time() > until:
                    raise
                asked, leader = leader, error.details.get("leader")
            if leader is None or leader == asked:
                await asyncio.sleep(FORCE_AGAIN_S)

    async def _force(
        self, leader: str | None, what: str, to: str, timeout_s: float, by: str, accept_loss: bool
    ) -> dict[str, Any]:
        statuses = await self._ask_all(StatusRequest)
        node = leader if leader in statuses else furthest(statuses, what)
        silent = [name for name, answer in statuses.items() if isinstance(answer, PlaitError)]
        link = await self._cluster.link_to(node)
        try:
            answer = await link.ask(
                Move, what, to, timeout_s, by, accept_loss, timeout_s=timeout_s + GRACE_S
            )
        except LossNotAccepted as error:
            if not silent:
                raise
            more = f"{error.message}; {', '.join(silent)} did not answer and may have more"
            raise LossNotAccepted(more, **error.details) from None
        return dict(answer.value)

    async def past(self, moment: str) -> tuple[str, str]:
        """The node that opened the store as it was, and the past's name there."""
        node, answer = await self._who_has(OpenPast, moment)
        return node, str(answer["past"])

    async def copies(self, moment: str) -> LentCopies:
        """What a restore at a moment needs, from the first node that has it."""
        node, answer = await self._who_has(LendCopies, moment)
        return LentCopies(self._cluster, node, str(answer))

    async def _who_has(self, kind: Any, moment: str) -> tuple[str, Any]:
        """The first node that has the moment, and what it answers.

        Each node keeps a history of its own, or none: they are asked one after another.
        """
        await self._cluster.reach_all()
        refusals: list[PlaitError] = []
        for node in sorted(self._cluster.members):
            try:
                link = await self._cluster.link_to(node)
                if not link.tells_past:  # it would take the request for nonsense, and hang up
                    raise VersionMismatch(f"{node} is of a version that cannot tell the past")
                return node, (await link.ask(kind, moment, timeout_s=PAST_S)).value
            except PlaitError as error:
                refusals.append(error)
        raise _most_telling(refusals)

    async def rescued(self) -> list[dict[str, Any]]:
        """Every rescued suffix of every member that can be reached; each says its ``node``.
        `NotAllowed` for who may not see them: that is not the same as that there are none."""
        answers = await self._ask_all(ListRescued)
        for answer in answers.values():
            if isinstance(answer, NotAllowed):
                raise answer
        return [
            {**item, "node": node}
            for node, answer in answers.items()
            if not isinstance(answer, PlaitError)
            for item in answer
        ]

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """What one suffix holds."""
        return dict(await self._ask(node, ShowRescued, rescued))

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """Propose one suffix again; see `plait.client.replay`."""
        return await replay(self._cluster, await self._ask(node, RescuedGroups, rescued))

    async def drop_rescued(self, node: str, rescued: int) -> None:
        """Forget one suffix."""
        await self._ask(node, DropRescuedRequest, rescued)

    async def _ask(self, node: str, kind: Any, *fields: Any) -> Any:
        link = await self._cluster.link_to(node)
        return (await link.ask(kind, *fields, timeout_s=self._cluster.limits.admin_s)).value

    async def _ask_all(self, kind: Any) -> dict[str, Any]:
        """Each member's answer, or its `PlaitError`, in order of names."""
        await self._cluster.reach_all()
        nodes = sorted(self._cluster.members)
        answers = await asyncio.gather(
            *(self._ask(node, kind) for node in nodes), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, PlaitError):
                raise answer
        return dict(zip(nodes, answers, strict=True))


def _most_telling(refusals: list[PlaitError]) -> PlaitError:
    """What to tell of the nodes' reasons: whose history goes back furthest, or another refusal."""
    known = [error for error in refusals if isinstance(error, NoHistory)]
    if known and len(known) == len(refusals):
        return min(known, key=lambda error: error.details.get("since_ms", 1 << 62))
    others = [error for error in refusals if not isinstance(error, NoHistory)]
    unable = NotLeader | VersionMismatch
    definite = [error for error in others if error.definite and not isinstance(error, unable)]
    return next(iter(definite or known or others), Unavailable("no node can be reached"))


def most_advanced(statuses: Mapping[str, Any], line: str | None) -> str:
    """The follower whose lines are furthest: by last epoch, then durable tail, then name.

    `statuses` has each node's status, or its error. `PromotionRefused` if no follower answered.
    """
    best: tuple[list[tuple[Any, int]], str] | None = None
    for node, status in sorted(statuses.items()):
        lines = _lines(status)
        if line is not None:
            lines = {name: lines[name] for name in lines if name == line}
        if not lines or any(state.get("role") == "leader" for state in lines.values()):
            continue
        progress = sorted((_progress(state) for state in lines.values()), reverse=True)
        if best is None or progress > best[0]:
            best = progress, node
    if best is None:
        raise PromotionRefused("no follower that could be promoted answered")
    return best[1]


def furthest(statuses: Mapping[str, Any], what: str) -> str:
    """The node that has applied most of the line that `what` names, or is on."""
    best: tuple[int, str] | None = None
    for node, status in sorted(statuses.items()):
        lines = _lines(status)
        tables = status.get("tables", ()) if isinstance(status, dict) else ()
        names = [each["line"] for each in tables if each["name"] == what]
        for line in (*names, what, f"machine/{what}"):
            applied = int((lines.get(line) or {}).get("applied", -1))
            if line in lines and (best is None or applied > best[0]):
                best = applied, node
    if best is None:
        raise NoSuchCollection(f"no node that answers knows {what!r}", collection=what)
    return best[1]


def _progress(state: Mapping[str, Any]) -> tuple[Any, int]:
    number, _, candidate = str(state.get("epoch") or "").partition(".")
    epoch = (int(number), candidate) if number.isdigit() else (0, "")
    return epoch, int(state.get("durable") or 0)


def _leads_any(status: Any) -> bool:
    return any(state.get("role") == "leader" for state in _lines(status).values())


def _lines(status: Any) -> dict[str, Any]:
    lines = status.get("lines") if isinstance(status, dict) else None
    return lines if isinstance(lines, dict) else {}


def _findings(node: str, answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, PlaitError):
        return list(answer)
    remedy = "see whether it runs, and what its log says"
    return [{"severity": "refuse", "where": node, "what": str(answer), "remedy": remedy}]
