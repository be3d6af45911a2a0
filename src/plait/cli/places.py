"""`plait zone` and `plait prefer`: where nodes are, and where leaders are wanted."""

from typing import Any

import click

from plait.api.store import Store
from plait.cli.connecting import Target, with_target

_timeout = click.option(
    "--timeout", "timeout_s", default=60.0, show_default=True, metavar="SECONDS",
    type=click.FloatRange(min=0),
)  # fmt: skip


@click.command()
@click.argument("node")
@click.argument("name", metavar="ZONE")
@_timeout
@with_target()
def zone(target: Target, node: str, name: str, timeout_s: float) -> None:
    """Say that NODE is in ZONE, from now on.

    Lines take it over one after another, and go on meanwhile. Refused if some line could not meet
    its rule any more. `plait members` shows where nodes are.

    \b
    Examples:
      plait zone n3 eu-west
    """

    async def work(store: Store) -> dict[str, Any]:
        return await store.set_zone(node, name, timeout_s)

    answer = target.run(work)
    before = f", and was in {answer['before']}" if answer["before"] else ""
    click.echo(f"{node} is in {name}{before}")


@click.command()
@click.argument("zones", nargs=-1, metavar="[ZONE]...")
@click.option("--collection", metavar="NAME", help="Of this table, machine or line only.")
@_timeout
@with_target()
def prefer(
    target: Target, zones: tuple[str, ...], collection: str | None, timeout_s: float
) -> None:
    """Say in which zones leaders are wanted, the best first; without any, wherever they are.

    A leader elsewhere hands over to a member there that has caught up and has been well for some
    seconds; nothing is lost. `plait status` shows what was said of each line.

    \b
    Examples:
      plait prefer eu us
      plait prefer ap --collection orders
      plait prefer --collection orders
    """

    async def work(store: Store) -> dict[str, Any]:
        return await store.prefer_zones(*zones, collection=collection, timeout_s=timeout_s)

    answer = target.run(work)
    whose = f"the leader of {answer['line']} is" if answer["line"] else "leaders are"
    where = f"wanted in {', '.join(answer['zones'])}" if answer["zones"] else "wanted nowhere else"
    click.echo(f"{whose} {where}")
