"""`plait status`: every member, line by line."""

import asyncio
import sys
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from plait.api.store import Store
from plait.base.errors import PlaitError
from plait.cli.connecting import Target, with_target
from plait.cli.display import console, seconds, size, table
from plait.cli.exits import error_line
from plait.cli.values import print_json, show_value

_HEADINGS = (
    "node", "role", "state", "epoch", "tail", "committed", "applied",
    "lag", "bytes", "time", "rescued",
)  # fmt: skip
_NUMBERS_FROM = _HEADINGS.index("tail")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON (with --watch: one line a time).")
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C.")
@click.option(
    "--interval",
    "interval_s",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="Between two looks with --watch.",
)
@with_target()
def status(target: Target, as_json: bool, watch: bool, interval_s: float) -> None:
    """Show members, roles, epochs, positions and lag, for every line.

    Positions count log entries: tail is the next to be written, committed and applied are
    exclusive. Lag is what a follower has yet to apply: records, bytes, and time behind the leader.
    A member that does not answer is listed with the reason.

    \b
    Examples:
      plait status --url plait://127.0.0.1:7401,127.0.0.1:7402
      plait status --watch
      plait status --json | jq '.nodes.n2.lines'
    """

    async def once(store: Store) -> None:
        answer = await store.status()
        if as_json:
            print_json(answer)
        else:
            console().print(render(answer))

    async def repeatedly(store: Store) -> None:
        if as_json or not sys.stdout.isatty():
            while True:
                await once(store)
                sys.stdout.flush()
                await asyncio.sleep(interval_s)
        with Live(console=console(), screen=True, auto_refresh=False) as live:
            while True:
                try:
                    page: RenderableType = render(await store.status())
                except PlaitError as error:
                    page = Text(error_line(error), "red")
                live.update(page, refresh=True)
                await asyncio.sleep(interval_s)

    target.run(repeatedly if watch else once)


def render(answer: dict[str, Any]) -> Group:
    """A whole status as a page."""
    nodes: dict[str, dict[str, Any]] = answer.get("nodes", {})
    parts: list[RenderableType] = [_members(nodes)]
    for line in sorted({line for node in nodes.values() for line in node.get("lines", {})}):
        parts += [Text(), _line(line, nodes)]
    tables = {item["name"]: item for node in nodes.values() for item in node.get("tables", [])}
    if tables:
        text = ", ".join(f"{name} ({item['line']})" for name, item in sorted(tables.items()))
        parts += [Text(), Text(f"tables: {text}")]
    return Group(*parts)


def _members(nodes: dict[str, dict[str, Any]]) -> Table:
    grid = table()
    for heading in ("node", "address", "up for", "memory", "note"):
        grid.add_column(heading, overflow="fold")
    for name, node in sorted(nodes.items()):
        if "error" in node:
            grid.add_row(name, "", "", "", Text(f"does not answer: {node['error']}", "red"))
            continue
        notes = [f"{why}: {node[why]}" for why in ("read_only", "suspect") if node.get(why)]
        grid.add_row(
            name, str(node.get("address", "")), seconds(node.get("uptime_s", 0)),
            size(node.get("memory_bytes", 0)), Text("; ".join(notes), "red"),
        )  # fmt: skip
    return grid


def _line(line: str, nodes: dict[str, dict[str, Any]]) -> Table:
    here = {
        name: node["lines"][line]
        for name, node in sorted(nodes.items())
        if line in node.get("lines", {})
    }
    leader = leader_of(line, nodes)
    grid = table(f"{line}   {_rule(here.get(leader or '', next(iter(here.values()))))}")
    for index, heading in enumerate(_HEADINGS):
        grid.add_column(heading, justify="right" if index >= _NUMBERS_FROM else "left")
    followers = here[leader].get("followers", {}) if leader else {}
    for name, state in here.items():
        grid.add_row(*line_row(name, state, followers.get(name)))
    return grid


def line_row(name: str, state: dict[str, Any], seen: dict[str, Any] | None) -> list[str]:
    """One member's row for one line; `seen` is how the line's leader sees it, if it does."""
    lag = (seen or {}).get("lag") or state.get("lag") or {}
    role = str(state.get("role", ""))
    return [
        name, role, str((seen or {}).get("state", "")), epoch_text(state.get("epoch")),
        str(state.get("tail", "")), str(state.get("committed", "")), str(state.get("applied", "")),
        *(
            ["", "", ""] if role == "leader"
            else [str(lag.get("records", "")), size(lag.get("bytes", 0)),
                  seconds(lag.get("seconds", 0.0))]
        ),
        str(state.get("rescued") or ""),
    ]  # fmt: skip


def leader_of(line: str, nodes: dict[str, dict[str, Any]]) -> str | None:
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


def _rule(state: dict[str, Any]) -> str:
    rule, in_force = state.get("rule", "?"), state.get("rule_in_force")
    return f"acks {rule}" if in_force in (None, rule) else f"acks {rule}, DEGRADED to {in_force}"
