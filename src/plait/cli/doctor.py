"""`plait doctor`: what is wrong, and what to do about it."""

import time
from random import SystemRandom
from typing import Any

import click

from plait.api.store import Store
from plait.base.errors import Refused
from plait.cli.connecting import Target, with_target
from plait.cli.display import console, table
from plait.cli.doctor_cluster import Loss, differences, losses
from plait.cli.values import print_json
from plait.engines import sharing
from plait.host.clock import SystemClock
from plait.host.loop import run

NAMESPACE = "doctor"  # nothing is written under it


@click.command()
@click.option("--engine", metavar="URL",
              help="Look at a NATS or PostgreSQL server instead, before anything is put on "
              "it.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target()
def doctor(target: Target, engine: str | None, as_json: bool) -> None:
    """Say what is wrong with the nodes, their lines and the engines they use, with remedies.

    Each node tries its disk: how long a sync takes, and what makes it doubtful that it was done.
    Clocks, versions and settings are compared. Then, of a cluster: what the loss of each node
    would do, with what is down now.

    Exit code 1 if anything is found by which what was acknowledged could be lost, or that keeps
    something from going on; warnings alone are no failure.

    \b
    Examples:
      plait doctor --url plait://127.0.0.1:7401
      plait doctor --engine nats://10.0.0.1:4222
    """
    lost: list[Loss] = []
    if engine is not None:
        found = run(_engine(engine))
    else:
        found, lost = target.run(_store)
    if as_json:
        print_json({"findings": found, "losses": [each._asdict() for each in lost]})
    elif not found:
        click.echo("nothing is wrong")
    else:
        rows = table()
        for title in ("", "where", "what", "remedy"):
            rows.add_column(title, overflow="fold")
        for each in found:
            bad = each["severity"] == "refuse"
            mark = "[red]bad[/]" if bad else "[yellow]warning[/]"
            rows.add_row(mark, each["where"], each["what"], each["remedy"])
        console().print(rows)
    if lost and not as_json:
        _show_losses(lost)
    bad = [each for each in found if each["severity"] == "refuse"]
    if bad:
        raise Refused(f"{len(bad)} of {len(found)} findings must be put right")


def _show_losses(lost: list[Loss]) -> None:
    rows = table()
    for title in ("if this is lost", "", "what happens"):
        rows.add_column(title, overflow="fold")
    for each in lost:
        mark = "[green]goes on[/]" if each.goes_on else "[red]stops[/]"
        rows.add_row(each.node, mark, each.what)
    console().print(rows)


async def _store(store: Store) -> tuple[list[dict[str, Any]], list[Loss]]:
    """What the nodes find, and what their answers tell together; what several of them find is told
    once."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for findings in (await store.examine()).values():
        for each in findings:
            found.setdefault((each["where"], each["what"]), each)
    began = time.monotonic()
    nodes = (await store.status())["nodes"]
    for each in differences(nodes, time.monotonic() - began):
        found.setdefault((each["where"], each["what"]), each)
    order = sorted(found.values(), key=lambda each: (each["severity"] != "refuse", each["where"]))
    return order, losses(nodes)


async def _engine(url: str) -> list[dict[str, Any]]:
    connected = await sharing.connect(url, NAMESPACE, SystemClock(), SystemRandom())
    try:
        return [
            {"where": connected.url} | finding._asdict() for finding in await connected.examine()
        ]
    finally:
        await connected.close()
