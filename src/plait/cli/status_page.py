"""A cluster's status as a page: the nodes, every line, the tables, the documents.

Everything here is a function of what `Store.status` answers; nothing asks or waits.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plait.cli.display import PLAIN_WIDTH, seconds, size, table
from plait.cli.status_documents import documents_part
from plait.cli.values import show_value

CONTROL = "control"
ENGINE = "engine"  # the role of every node where a shared engine orders
NARROW = 100  # columns of a terminal; below it fewer are shown

_HEADINGS = (
    "node", "role", "state", "epoch", "tail", "committed", "applied",
    "lag", "bytes", "time", "rescued",
)  # fmt: skip
_WIDE_ONLY = ("committed", "bytes")
_NUMBERS_FROM = _HEADINGS.index("tail")

Nodes = dict[str, dict[str, Any]]


def render(answer: dict[str, Any], width: int = PLAIN_WIDTH) -> Group:
    """A whole status as a page for a terminal of `width` columns."""
    nodes: Nodes = answer.get("nodes", {})
    parts: list[RenderableType] = [_nodes(nodes, width)]
    lines = {line for node in nodes.values() for line in node.get("lines", {})}
    for line in sorted(lines, key=lambda line: (line != CONTROL, line)):
        parts += [Text(), *_line(line, nodes, width)]
    tables = {item["name"]: item for node in nodes.values() for item in node.get("tables", [])}
    if tables:
        text = ", ".join(f"{name} ({item['line']})" for name, item in sorted(tables.items()))
        parts += [Text(), Text(f"tables: {text}")]
    parts += documents_part(nodes, width >= NARROW)
    return Group(*parts)


# --------------------------------------------------------------------------------- the nodes


def _nodes(nodes: Nodes, width: int) -> Table:
    grid = table()
    placed = any(node.get("zone") for node in nodes.values())
    headings = ("node", *(("zone",) if placed else ()), "address", "up for", "memory", "note")
    for heading in headings:
        grid.add_column(heading, overflow="fold", no_wrap=width >= NARROW and heading != "note")
    for name, node in sorted(nodes.items()):
        if "error" in node:
            blank = [""] * (len(headings) - 2)
            grid.add_row(name, *blank, Text(f"does not answer: {node['error']}", "red"))
            continue
        grid.add_row(
            name, *([node.get("zone") or ""] if placed else []), str(node.get("address", "")),
            seconds(node.get("uptime_s", 0)),
            size(node.get("memory_bytes", 0)), Text("; ".join(_notes(node)), "red"),
        )  # fmt: skip
    return grid


def _notes(node: dict[str, Any]) -> Iterator[str]:
    """What is not well at a node."""
    for why in ("read_only", "suspect", "diverged"):
        if node.get(why):
            yield f"{why}: {node[why]}"
    if node.get("only") is not None:
        yield f"follows only {', '.join(node['only'])}"
    for peer, link in sorted(node.get("links", {}).items()):
        if isinstance(link, str):
            yield f"refused by {peer}: {link}"


# --------------------------------------------------------------------------------- one line


def _line(line: str, nodes: Nodes, width: int) -> Iterator[RenderableType]:
    here = {
        name: node["lines"][line]
        for name, node in sorted(nodes.items())
        if line in node.get("lines", {})
    }
    leader = leader_of(line, nodes)
    state = here[leader] if leader else next(iter(here.values()))
    yield Text.assemble((line, "bold"), f"   {_rule(state)}{_members(state)}")
    yield from _places(here)
    grid = table()
    headings = _shown(here, width)
    for heading_ in headings:
        number = _HEADINGS.index(heading_) >= _NUMBERS_FROM
        grid.add_column(heading_, justify="right" if number else "left")
    followers = here[leader].get("followers", {}) if leader else {}
    for name, own in here.items():
        cells = dict(zip(_HEADINGS, line_row(name, own, followers.get(name)), strict=True))
        grid.add_row(*(cells[heading_] for heading_ in headings))
    yield grid
    for name, own in here.items():
        if own.get("delayed"):
            yield _delayed(name, own["delayed"])
    yield from _sources(here)
    yield from _failover(here)
    for name, own in here.items():
        if own.get("halted"):
            yield Text(f"stopped at {name}: {own['halted']}", "red")


def _sources(here: Nodes) -> Iterator[Text]:
    """Who is fed by another follower."""
    for name, own in here.items():
        source = own.get("source")
        if source and source["feeds"]:
            yield Text(f"{name} from {source['node']}")
        elif source and own.get("leader") != source["node"]:
            yield Text(f"{name} from {source['node']}: not now, {own['leader']} feeds it", "yellow")


def _delayed(name: str, delayed: dict[str, Any]) -> Text:
    """What a follower holds back."""
    why = "is held" if delayed["hold"] else f"is delayed by {seconds(delayed['delay_s'])}"
    if delayed["leads_anyway"]:
        return Text(f"{name} {why}, and leads since nobody else can: it holds nothing back", "red")
    waiting = f"{delayed['waiting_entries']} entries wait, {seconds(delayed['behind_s'])} behind"
    return Text(f"{name} {why}: {waiting}; it acknowledges, and leads nothing", "yellow")


def _shown(here: Nodes, width: int) -> list[str]:
    """The columns that there is room for, and something to say in."""
    left_out = set(_WIDE_ONLY) if width < NARROW else set()
    if width < NARROW and not any(state.get("rescued") for state in here.values()):
        left_out.add("rescued")
    return [heading for heading in _HEADINGS if heading not in left_out]


def line_row(name: str, state: dict[str, Any], seen: dict[str, Any] | None) -> list[str]:
    """One member's row for one line; `seen` is how the line's leader sees it, if it does."""
    lag = (seen or {}).get("lag") or state.get("lag") or {}
    role = str(state.get("role", ""))
    return [
        name, role, str((seen or {}).get("state", "")), epoch_text(state.get("epoch")),
        str(state.get("tail", "")), str(state.get("committed", "")), str(state.get("applied", "")),
        *(
            ["", "", ""] if role in ("leader", ENGINE)
            else [str(lag.get("records", "")), size(lag.get("bytes", 0)),
                  seconds(lag.get("seconds", 0.0))]
        ),
        str(state.get("rescued") or ""),
    ]  # fmt: skip


def _rule(state: dict[str, Any]) -> str:
    if state.get("role") == ENGINE:
        return f"on {state.get('place', '?')}"
    rule, in_force = state.get("rule", "?"), state.get("rule_in_force")
    said = f"acks {rule}" if in_force in (None, rule) else f"acks {rule}, DEGRADED to {in_force}"
    return f"{said}, term {state['term']}" if "term" in state else said


def _members(state: dict[str, Any]) -> str:
    """Who the line's members are, and who is coming or going."""
    witnesses = state.get("witnesses", ())
    voters = [f"{n} (witness)" if n in witnesses else n for n in state.get("members", ())]
    wanted = state.get("leader_wanted_in", ())
    said = f"; to be led in {', '.join(wanted)}" if wanted else ""
    said += f"; members {', '.join(voters)}" if voters else ""
    if state.get("learners"):
        said += f"; without a vote {', '.join(state['learners'])}"
    if state.get("outgoing"):
        said += f"; CHANGING from {', '.join(state['outgoing'])}"
    return said


def _places(here: Nodes) -> Iterator[Text]:
    """Where the line was before, where it is going, and who has not come along."""
    state = max(here.values(), key=lambda each: _began(each) or 0)
    segments = state.get("segments", ())
    if len(segments) > 1:
        path = ", then ".join(f"{each['place']} from {each['base']} on" for each in segments)
        yield Text(f"moved: {path}", "dim")
    for moving in dict.fromkeys(each["moving_to"] for each in here.values() if "moving_to" in each):
        if moving is not None:
            yield Text(f"MOVING to {moving}: it goes on when both ends answer", "yellow")
    for forced in state.get("forced", ()):
        at = datetime.fromtimestamp(forced["time_ms"] / 1000, UTC)
        yield Text(
            f"ended by force at {forced['tail']} by {forced['by']}, {at:%Y-%m-%d %H:%M:%S} UTC: "
            f"{forced['warning']}", "red",
        )  # fmt: skip
    for name, own in here.items():
        if own.get("needs_copy"):
            yield Text(f"{name} waits for a copy of the state: {own['needs_copy']}", "yellow")
        began = _began(own)
        if began is not None and (began != _began(state) or not own.get("gone_over", True)):
            yield Text(f"{name} has not gone over yet", "yellow")


def _began(state: dict[str, Any]) -> int | None:
    """Where the segment begins that a node knows as the last."""
    segments = state.get("segments")
    return int(segments[-1]["base"]) if segments else None


def _failover(here: Nodes) -> Iterator[Text]:
    """The last appointment that any member knows of, and every veto."""
    known = [state["failover"] for state in here.values() if state.get("failover")]
    appointments = [found for found in known if found.get("appointed")]
    if appointments:
        last = max(appointments, key=lambda found: int(found.get("times", 0)))
        at = datetime.fromtimestamp(last.get("time_ms", 0) / 1000, UTC)
        yield Text(
            f"fail-over {last.get('times', 1)}: {last['appointed']} was appointed at "
            f"{at:%Y-%m-%d %H:%M:%S} UTC: {last.get('why', '')}",
            "dim",
        )
    for veto in dict.fromkeys(found["veto"] for found in known if found.get("veto")):
        yield Text(f"no automatic fail-over: {veto}", "red")


# --------------------------------------------------------------------------------- epochs


def leader_of(line: str, nodes: Nodes) -> str | None:
    """The node that says it leads `line`; of several, the one with the highest epoch."""
    leading = [
        (epoch_order(state.get("epoch")), name)
        for name, node in nodes.items()
        if (state := node.get("lines", {}).get(line)) and state.get("role") == "leader"
    ]
    return max(leading)[1] if leading else None


def epoch_order(epoch: Any) -> tuple[int, str]:
    """An epoch, as text or as a pair, in the order of epochs."""
    number, _, candidate = epoch_text(epoch).partition(".")
    return (int(number), candidate) if number.isdigit() else (0, "")


def epoch_text(epoch: Any) -> str:
    """``3.n2`` for either form."""
    if isinstance(epoch, (list, tuple)):
        return ".".join(map(str, epoch))
    return epoch if isinstance(epoch, str) else show_value(epoch) if epoch else ""
