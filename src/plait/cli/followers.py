"""`plait follower`: how a node follows, and where it stands."""

import asyncio
from typing import Any

import click

from plait.api.store import Store
from plait.base.durations import duration_s
from plait.base.errors import BadSettings, Unavailable
from plait.cli.backup import moment
from plait.cli.connecting import Target, with_target
from plait.cli.display import console, seconds, table
from plait.cli.values import print_json

ADOPTIONS = 20  # how often it is looked whether a node has adopted its settings
ADOPTION_S = 0.2


@click.command()
@click.argument("name")
@click.option("--delay", metavar="DURATION", help="Apply entries so long after they were ordered; "
              "0: at once. 90s, 15m, 4h, 1d.")  # fmt: skip
@click.option("--hold", metavar="now|TIME|LINE:POSITION", help="Stop it: where it stands; or go up "
              "to a moment or a position at once, and stop there.")  # fmt: skip
@click.option("--go", is_flag=True, help="Go on, after the delay.")
@click.option("--vote/--no-vote", "votes", default=None, help="Whether it votes, and its "
              "acknowledgement counts.")  # fmt: skip
@click.option("--source", metavar="NODE|any", help="Who feeds it, if it has no vote; any: whoever "
              "leads.")  # fmt: skip
@click.option("--collections", "chosen", metavar="NAMES|all", help="What it follows, if it has no "
              "vote, with commas between.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target()
def follower(
    target: Target,
    name: str,
    delay: str | None,
    hold: str | None,
    go: bool,
    votes: bool | None,
    source: str | None,
    chosen: str | None,
    as_json: bool,
) -> None:
    """Set how node NAME follows, or (without options) show where it stands.

    A delayed or held follower stores and acknowledges every write at once, as before. It leads
    only if nobody else can, a held one never. Programs that do not ask for old data are served by
    the other nodes; `plait export --from NAME` reads what it has.

    \b
    Examples:
      plait follower n3 --delay 4h
      plait follower n3 --hold now
      plait follower n3 --hold consensus:903
      plait follower n3 --go
      plait follower n4 --no-vote
      plait follower n4 --source n3
      plait follower n4 --collections people,orders
    """
    delay_s = None if delay is None else duration_s(delay)

    async def work(store: Store) -> dict[str, Any]:
        given = (delay_s, hold, go or None, votes, source, chosen)
        if any(one is not None for one in given):
            answer = await store.set_follower(
                name, delay_s=delay_s, hold=hold, go=go, votes=votes, source=source,
                only=None if chosen is None else [name.strip() for name in chosen.split(",")],
            )  # fmt: skip
            fed_by, only = answer.pop("source", None), answer.pop("only", None)
            late = answer["delay_s"] or answer["hold"] is not None
            return await _shown(store, name, (answer if late else None, fed_by, only))
        return await _shown(store, name)

    found = target.run(work)
    if as_json:
        print_json(found)
        return
    click.echo(f"{name} {said_of(found['follower'])}{said_of_source(found['source'])}")
    if found["only"] is not None:
        click.echo(f"of all collections it follows {', '.join(found['only']) or 'none'} only")
    if found["lines"]:
        console().print(_grid(found))


async def _shown(store: Store, name: str, wanted: Any = ...) -> dict[str, Any]:
    """Where a node stands, once it follows as `wanted`, or soon."""
    nodes = (await store.status())["nodes"]
    for _ in range(ADOPTIONS):  # it hears of it with the control line
        if wanted is ... or _adopted(nodes.get(name, {})) == wanted:
            break
        await asyncio.sleep(ADOPTION_S)
        nodes = (await store.status())["nodes"]
    if name not in nodes:
        raise BadSettings(f"{name!r} is no node of this cluster")
    if "error" in nodes[name]:
        raise Unavailable(f"{name} does not answer: {nodes[name]['error']}")
    lines = nodes[name]["lines"]
    return {
        "node": name,
        "follower": nodes[name].get("follower"),
        "source": nodes[name].get("source"),
        "only": nodes[name].get("only"),
        "lines": {line: state["delayed"] for line, state in lines.items()
                  if state.get("delayed")},
        "applied": {line: state["applied"] for line, state in lines.items()},
    }  # fmt: skip


def _adopted(node: dict[str, Any]) -> tuple[Any, str | None, list[str] | None]:
    """How a node follows, who feeds it, and what it follows, as it says itself."""
    return node.get("follower"), (node.get("source") or {}).get("node"), node.get("only")


def said_of_source(source: dict[str, Any] | None) -> str:
    """Who feeds a node, in words; `source` as its status has it."""
    if source is None:
        return ""
    said = f"; it takes what comes from {source['node']}"
    return said if source["lines"] else f"{said}, which feeds it nothing now: leaders do"


def said_of(settings: dict[str, Any] | None) -> str:
    """How a node follows, in words; `settings` as its status has them."""
    if settings is None:
        return "applies everything at once"
    hold, delay_s = settings["hold"], settings["delay_s"]
    late = f"applies everything {seconds(delay_s)} later" if delay_s else "applies at once"
    if hold is None:
        return late
    if hold["line"] is not None:
        return f"is held before {hold['line']}:{hold['position']} (else it {late})"
    return f"is held at {moment(hold['time_ms'])} (else it {late})"


def _grid(found: dict[str, Any]) -> Any:
    grid = table()
    for heading in ("line", "applied", "as of", "waiting", "behind"):
        grid.add_column(heading)
    for line, delayed in sorted(found["lines"].items()):
        as_of = moment(delayed["state_time_ms"]) if delayed["state_time_ms"] else ""
        grid.add_row(
            line, str(found["applied"][line]), as_of, str(delayed["waiting_entries"]),
            seconds(delayed["behind_s"]),
        )  # fmt: skip
    return grid
