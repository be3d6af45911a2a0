"""`plait tables`, `create` and `drop`."""

from typing import Any, Literal

import click

from plait.api.infos import TableInfo
from plait.api.settings import Consensus, Leader, Settings
from plait.api.store import Store
from plait.cli.backup import moment
from plait.cli.connecting import Target, with_target
from plait.cli.display import console, table
from plait.cli.values import print_json


@click.command()
@click.option("--dropped", is_flag=True, help="List those that were dropped: when, and where in "
              "their line the rows went.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target()
def tables(target: Target, dropped: bool, as_json: bool) -> None:
    """List the tables, their lines and their rules."""
    if dropped:
        _dropped(target, as_json)
        return

    async def work(store: Store) -> list[TableInfo]:
        return await store.tables()

    found = sorted(target.run(work), key=lambda info: info.name)
    if as_json:
        rows = [
            {
                "name": info.name,
                "mode": mode_of(info),
                "line": info.line,
                "acks": info.settings.acks,
                "degrade": getattr(info.settings, "degrade", False),
            }
            for info in found
        ]
        print_json(rows)
        return
    if not found:
        click.echo("no tables yet: `plait create NAME` makes one", err=True)
        return
    grid = table()
    for heading in ("table", "mode", "line", "acks", "degrade"):
        grid.add_column(heading)
    for info in found:
        degrade = "yes" if getattr(info.settings, "degrade", False) else "no"
        grid.add_row(info.name, mode_of(info), info.line, info.settings.acks, degrade)
    console().print(grid)


def _dropped(target: Target, as_json: bool) -> None:
    """What a delayed follower may still have."""

    async def work(store: Store) -> list[dict[str, Any]]:
        return await store.dropped()

    found = target.run(work)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("no table was dropped", err=True)
        return
    grid = table()
    for heading in ("table", "dropped at", "line:position"):
        grid.add_column(heading)
    for record in found:
        at = "" if record["cleared_at"] is None else f"{record['line']}:{record['cleared_at']}"
        grid.add_row(record["name"], moment(record["time_ms"]), at or record["line"])
    console().print(grid)


def mode_of(info: TableInfo) -> str:
    """How the table's copies agree, in one word."""
    return "consensus" if isinstance(info.settings, Consensus) else "leader"


@click.command()
@click.argument("name")
@click.option("--consensus", is_flag=True, help="Let a majority order the writes: linearizable.")
@click.option(
    "--acks",
    metavar="RULE",
    help="When a write counts: leader, any:K, majority or all.  [default: majority]",
)
@click.option("--degrade", is_flag=True, help="Let the leader lower the rule, visibly.")
@click.option("--own-line", is_flag=True, help="A line of its own, not shared with other tables.")
@click.option("--keep-before", is_flag=True, help="Tell in feeds what rows were before a change.")
@with_target(may_create=True)
def create(
    target: Target,
    name: str,
    consensus: bool,
    acks: str | None,
    degrade: bool,
    own_line: bool,
    keep_before: bool,
) -> None:
    """Create table NAME; nothing happens if it exists with the same settings.

    \b
    Examples:
      plait create films
      plait create audit --acks all --own-line
      plait create accounts --consensus
    """
    line: Literal["own"] | None = "own" if own_line else None
    settings: Settings = Leader(acks=acks or "majority", degrade=degrade, line=line)
    if consensus:
        if acks is not None or degrade:
            raise click.UsageError("--consensus has a rule of its own: leave --acks and --degrade")
        settings = Consensus(line=line)

    async def work(store: Store) -> None:
        table = await store.table(name, settings)
        if keep_before:
            await table.keep_before()

    target.run(work)


@click.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_target()
def drop(target: Target, name: str, yes: bool) -> None:
    """Drop table NAME with every row in it. Asks first, unless --yes."""
    if not yes:
        click.confirm(f"Drop table {name} with all its rows?", abort=True, err=True)

    async def work(store: Store) -> None:
        await store.drop_table(name)

    target.run(work)
