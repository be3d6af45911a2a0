"""`plait rescued`: what a deposed leader had and the line went on without."""

from typing import Any

import click

from plait.api.store import Store
from plait.cli.connecting import Target, with_target
from plait.cli.display import console, table
from plait.cli.values import print_json, show_value

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_FIRST = ("node", "rescued", "line", "start", "records", "bytes", "epoch", "cut_by")


@click.group()
def rescued() -> None:
    """Records that a deposed leader had and nobody else: list, show, replay or drop them.

    They were not acknowledged by their line's rule (on a line with acks=leader they may have
    been), and are never applied by themselves.
    """


@rescued.command("list")
@_json
@with_target()
def list_(target: Target, as_json: bool) -> None:
    """List the rescued suffixes of every node that answers."""

    async def work(store: Store) -> list[dict[str, Any]]:
        return await store.rescued()

    found = target.run(work)
    if as_json:
        print_json(found)
    elif not found:
        click.echo("nothing was rescued", err=True)
    else:
        headings = [name for name in _FIRST if any(name in row for row in found)]
        grid = table()
        for heading in headings:
            grid.add_column(heading)
        for row in found:
            grid.add_row(*(str(row.get(heading, "")) for heading in headings))
        console().print(grid)


@rescued.command()
@click.argument("node")
@click.argument("number", type=int)
@_json
@with_target()
def show(target: Target, node: str, number: int, as_json: bool) -> None:
    """Show the records of suffix NUMBER at NODE.

    \b
    Example:
      plait rescued show n1 1
    """

    async def work(store: Store) -> dict[str, Any]:
        return await store.show_rescued(node, number)

    suffix = target.run(work)
    if as_json:
        print_json(suffix)
        return
    for line in suffix_lines(suffix):
        click.echo(line)


@rescued.command()
@click.argument("node")
@click.argument("number", type=int)
@_json
@with_target()
def replay(target: Target, node: str, number: int, as_json: bool) -> None:
    """Propose suffix NUMBER of NODE again; what was retried meanwhile is not applied twice.

    Exit code 1 if some commands could not be applied; they are named.
    """

    async def work(store: Store) -> dict[str, Any]:
        return await store.replay_rescued(node, number)

    report = target.run(work)
    failed = report.get("failed") or []
    if as_json:
        print_json(report)
    else:
        click.echo(
            f"{report.get('applied', 0)} applied, {report.get('already', 0)} were there already, "
            f"{len(failed)} failed"
        )
        for item in failed:
            click.echo(f"  command {item['index']}: {item['code']}: {item['message']}", err=True)
    if failed:
        click.get_current_context().exit(1)


@rescued.command("drop")
@click.argument("node")
@click.argument("number", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_target()
def drop_(target: Target, node: str, number: int, yes: bool) -> None:
    """Forget suffix NUMBER of NODE for good. Asks first, unless --yes."""
    if not yes:
        click.confirm(f"Forget rescued suffix {number} of {node}?", abort=True, err=True)

    async def work(store: Store) -> None:
        await store.drop_rescued(node, number)

    target.run(work)


def suffix_lines(suffix: dict[str, Any]) -> list[str]:
    """A shown suffix as lines for people: its origin, then one line a record."""
    shown = suffix.get("shown") or []
    lines = [
        f"{suffix.get('records', len(shown))} records of {suffix.get('line')} "
        f"from epoch {suffix.get('epoch')}, cut by {suffix.get('cut_by')}"
    ]
    for item in shown:
        value = f" = {show_value(item['value'])}" if "value" in item else ""
        keys = item.get("key", show_value(item["keys"]) if "keys" in item else "")
        place = f"{item.get('position')}:{item.get('offset')}"
        lines.append(f"  {place}  {item.get('command')} {keys}{value}")
    missing = int(suffix.get("records", len(shown))) - len(shown)
    if missing > 0:
        lines.append(f"  and {missing} more")
    return lines
