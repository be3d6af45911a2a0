"""`plait move`: collections go to another engine while they are in use."""

import asyncio
import getpass
import socket
from typing import Any, NamedTuple

import click

from plait.api.store import Store
from plait.base.errors import PlaitError
from plait.cli.connecting import Target, with_target
from plait.cli.values import print_json
from plait.engines.sharing import public_url

PROGRESS_S = 5.0  # between two words about a move that takes long
CONTROL = "control"


@click.command()
@click.argument("collection", required=False)
@click.option("--all", "everything", is_flag=True, help="Every table and machine.")
@click.option("--to", "to", required=True, metavar="ENGINE",
              help="nats://…, postgresql://…, or the nodes' own disks: raft (consensus), primary "
              "(leader–follower), sqlite (a store of one node).")  # fmt: skip
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, metavar="SECONDS",
              type=click.FloatRange(min=0), help="For each line.")  # fmt: skip
@click.option("--force-tail", is_flag=True,
              help="The engine where the line is now is dead for good: go on without what only it "
              "holds. Says what may be lost.")  # fmt: skip
@click.option("--accept-loss", is_flag=True, help="With --force-tail: act on it.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@with_target()
def move(
    target: Target,
    collection: str | None,
    everything: bool,
    to: str,
    timeout_s: float,
    force_tail: bool,
    accept_loss: bool,
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
      plait move accounts --to raft --force-tail
    """
    if (collection is None) != everything:
        raise click.UsageError("name one COLLECTION, or say --all")
    if accept_loss and not force_tail:
        raise click.UsageError("--accept-loss is for --force-tail")
    by = f"{getpass.getuser()}@{socket.gethostname()}" if force_tail else ""
    how = _How(to, timeout_s, by, accept_loss, as_json)

    async def work(store: Store) -> list[dict[str, Any]]:
        if collection is not None:
            return [await _moved(store, collection, how)]
        own = "members" if to in ("raft", "primary") else to  # each line by its own rule
        all_of_them = how._replace(to=own)
        return [await _moved(store, line, all_of_them) for line in await _lines(store)]

    reports = target.run(work)
    if as_json:
        print_json(reports)
    elif not reports:
        click.echo("there is nothing to move")


class _How(NamedTuple):
    to: str
    timeout_s: float
    forced_by: str
    accept_loss: bool
    quiet: bool


async def _lines(store: Store) -> list[str]:
    """Every line of the store but the control line."""
    nodes = (await store.status())["nodes"].values()
    return sorted({line for node in nodes for line in node.get("lines", ()) if line != CONTROL})


async def _moved(store: Store, what: str, how: _How) -> dict[str, Any]:
    moving = asyncio.create_task(
        store.move(
            what, how.to, how.timeout_s, forced_by=how.forced_by, accept_loss=how.accept_loss
        )
    )
    try:
        while not (await asyncio.wait((moving,), timeout=PROGRESS_S))[0]:
            click.echo(f"{what} is not on {public_url(how.to)} yet", err=True)
        report = moving.result()
    except PlaitError as error:
        if not error.definite:
            click.echo(f"{what} may have begun to move; `plait status` shows it", err=True)
        raise
    finally:
        moving.cancel()
    if not how.quiet:
        _tell_loss(report.get("forced"))
        names = ", ".join(report["collections"]) or "nothing yet"
        click.echo(
            f"{report['line']} ({names}) is on {report['to']} from position {report['at']} on, "
            f"after {report['took_s'] * 1000:.0f} ms"
        )
    return report


def _tell_loss(forced: dict[str, Any] | None) -> None:
    if forced is None:
        return
    lost = f"from position {forced['tail']} on"
    if forced["known"] > forced["tail"]:
        lost = f"positions {forced['tail']} to {forced['known'] - 1}, and whatever came after"
    click.echo(f"what was on {forced['place']} is lost: {lost} ({forced['warning']})", err=True)
