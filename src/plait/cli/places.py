"""`plait zone`: where nodes are."""

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
