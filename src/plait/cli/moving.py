"""`plait move`: collections go to another engine while they are in use."""

import asyncio
from typing import Any

import click

from plait.api.store import Store
from plait.base.errors import PlaitError
from plait.cli.connecting import Target, with_target
from plait.cli.values import print_json
from plait.engines.sharing import public_url

PROGRESS_S = 2.0  # between two words about a move that takes long
CONTROL = "control"


@click.command()
@click.argument("collection", required=False)
@click.option("--all", "everything", is_flag=True, help="Every table and machine.")
@click.option("--to", "to", required=True, metavar="ENGINE",
              help="nats://…, postgresql://…, or the nodes' own disks: raft (consensus), primary "
              "(leader–follower), sqlite (a store of one node).")  # fmt: skip
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, metavar="SECONDS",
              type=click.FloatRange(min=0), help="For each line.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@with_target()
def move(
    target: Target,
    collection: str | None,
    everything: bool,
    to: str,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Move COLLECTION to another engine while clients read and write.

    What cannot work is refused before anything is changed. Collections that share a line move
    together; they are named. Writers wait for some tens of milliseconds. A move that is
    interrupted goes on by itself, and the same command waits for it.

    \b
    Examples:
      plait move accounts --to nats://10.0.0.1:4222,10.0.0.2:4222,10.0.0.3:4222
      plait move --all --to postgresql://plait@10.0.0.9/plait
      plait move --all --to raft
    """
    if (collection is None) != everything:
        raise click.UsageError("name one COLLECTION, or say --all")

    async def work(store: Store) -> list[dict[str, Any]]:
        if collection is not None:
            return [await _moved(store, collection, to, timeout_s, as_json)]
        own = "members" if to in ("raft", "primary") else to  # each line by its own rule
        return [await _moved(store, line, own, timeout_s, as_json) for line in await _lines(store)]

    reports = target.run(work)
    if as_json:
        print_json(reports)
    elif not reports:
        click.echo("there is nothing to move")


async def _lines(store: Store) -> list[str]:
    """Every line of the store but the control line."""
    nodes = (await store.status())["nodes"].values()
    return sorted({line for node in nodes for line in node.get("lines", ()) if line != CONTROL})


async def _moved(store: Store, what: str, to: str, timeout_s: float, quiet: bool) -> dict[str, Any]:
    moving = asyncio.create_task(store.move(what, to, timeout_s))
    try:
        while not (await asyncio.wait((moving,), timeout=PROGRESS_S))[0]:
            click.echo(f"{what} is on its way to {public_url(to)}", err=True)
        report = moving.result()
    except PlaitError as error:
        click.echo(f"{what} stays where it is, or goes on by itself: {error.message}", err=True)
        raise
    finally:
        moving.cancel()
    if not quiet:
        names = ", ".join(report["collections"]) or "nothing yet"
        click.echo(
            f"{report['line']} ({names}) is on {report['to']} from position {report['at']} on, "
            f"after {report['took_s'] * 1000:.0f} ms"
        )
    return report
