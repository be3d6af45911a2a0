"""What is wrong with a node and with what it depends on, for people: `plait doctor`.

Absent: what only several nodes together can tell (`cli.doctor_cluster`).
"""

import asyncio
from typing import Any

from plait.base.errors import PlaitError
from plait.engines.chain import Chain
from plait.host.disk_trial import try_disk
from plait.line.chain import Next
from plait.node.disk_findings import disk_findings
from plait.node.node import Node
from plait.node.segments import place_of

NO_LEADER = "nobody leads it, as far as this node knows"


async def examine(node: Node) -> list[dict[str, Any]]:
    """Findings, worst first: ``severity`` ("refuse", "warn"), ``where``, ``what``, ``remedy``."""
    found = [*_folder(node), *await _disk(node), *_lines(node), *await _engines(node)]
    return sorted(found, key=lambda each: (each["severity"] != "refuse", each["where"]))


def _finding(severity: str, where: str, what: str, remedy: str) -> dict[str, Any]:
    return {"severity": severity, "where": where, "what": what, "remedy": remedy}


def _folder(node: Node) -> list[dict[str, Any]]:
    log, found = node.storage.log, []
    if log.suspect is not None:
        remedy = "it fetches everything again from the others; alone: stop it, and `plait repair`"
        found.append(_finding("refuse", node.name, f"its log is damaged: {log.suspect}", remedy))
    elif log.read_only is not None:
        what = f"its disk takes no writes: {log.read_only.message}"
        found.append(_finding("refuse", node.name, what, "make room; the node goes on by itself"))
    elif node.space.refusal is not None:
        remedy = "free space, or let another node lead; the node goes on by itself"
        found.append(_finding("refuse", node.name, node.space.refusal.message, remedy))
    elif 0 <= node.space.free < 2 * node.space.reserve:
        what = f"its disk has {node.space.free} bytes left; {node.space.reserve} are kept free"
        found.append(_finding("warn", node.name, what, "make room before writes are refused"))
    if node.refused is not None:
        remedy = "start it with another --name"
        found.append(_finding("refuse", node.name, node.refused.message, remedy))
    if node.versions.enabled > node.versions.reads:
        what = "its program is older than what the cluster writes"
        found.append(_finding("refuse", node.name, what, "upgrade it"))
    diverged = node.audits.findings()
    if diverged:
        remedy = "docs/operating.md, on quarantine"
        found.append(_finding("refuse", node.name, diverged, remedy))
    mine = node.followers.mine
    if mine is not None and mine.hold is not None:
        remedy = f"once nobody reads there: plait follower {node.name} --go"
        found.append(_finding("warn", node.name, "it is held, and its log grows", remedy))
    if node.choices.mine is not None:
        what = f"it has nothing but {', '.join(node.choices.mine) or 'the control line'}"
        remedy = f"if it is to follow everything: plait follower {node.name} --collections all"
        found.append(_finding("warn", node.name, what, remedy))
    for peer in sorted(node.down):
        what = f"it has no connection with {peer}"
        found.append(_finding("warn", node.name, what, f"see whether {peer} runs"))
    return found


async def _disk(node: Node) -> list[dict[str, Any]]:
    """A trial takes space and time of the disk, so it is not made where there is little."""
    folder = node.config.data
    if node.storage.log.read_only is not None or node.space.refusal is not None:
        return []
    if not folder.is_dir():
        return []  # it is no folder of this machine
    trial = await asyncio.to_thread(try_disk, folder)
    return [] if trial is None else disk_findings(node.name, trial)


def _lines(node: Node) -> list[dict[str, Any]]:
    found = []
    known = node.control_machine.lines(node.control.replica.view)
    for record in known:
        host = node.lines.get(record.line)
        where = f"{record.line} at {node.name}"
        if not node.choices.follows(record.line):
            continue
        if host is None:
            what = node.line_opening.why_shut(record.line) or "it could not be opened yet"
            found.append(_finding("warn", where, what, "the node's log says why"))
            continue
        if host.replica.halted is not None and host.folds:
            message = host.replica.halted.message
            found.append(_finding("refuse", where, message, "the node's log says more"))
        if host.group is not None and not host.leads and host.leader is None:
            found.append(_finding("warn", where, NO_LEADER, "start the members that are down"))
        if isinstance(host.loglet, Chain):
            intent = host.loglet.configuration.intent
            if intent is not None:
                to = place_of(intent) if isinstance(intent, Next) else "its end"
                what = f"a move to {to} is not finished"
                found.append(_finding("warn", where, what, "it goes on when both ends answer"))
    return found


async def _engines(node: Node) -> list[dict[str, Any]]:
    found = []
    for engine in node.engines.used():
        try:
            for each in await engine.examine():
                found.append(_finding(each.severity, engine.url, each.what, each.remedy))
        except PlaitError as error:
            what = f"it does not answer {node.name}: {error.message}"
            found.append(_finding("refuse", engine.url, what, "see whether it runs"))
    return found
