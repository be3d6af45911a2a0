"""`plait status`: every member, line by line."""

import asyncio
import sys

import click
from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from plait.api.store import Store
from plait.base.errors import PlaitError
from plait.cli.connecting import Target, with_target
from plait.cli.display import console
from plait.cli.exits import error_line
from plait.cli.status_page import render
from plait.cli.values import print_json


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
    The control line comes first: its members are the nodes. Above each line stand its rule, its
    term where a majority elects, and who votes, learns or leaves; below it the last fail-over, and
    what stands in the way of the next. A member that does not answer is listed with the reason.
    Of each collection of documents it shows, node by node, how many events are retained and not
    stable yet, whom garbage is kept for, and in red what is not well. A narrow terminal shows
    fewer columns.

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
            page = console()
            page.print(render(answer, page.width))

    async def repeatedly(store: Store) -> None:
        if as_json or not sys.stdout.isatty():
            while True:
                await once(store)
                sys.stdout.flush()
                await asyncio.sleep(interval_s)
        terminal = console()
        with Live(console=terminal, screen=True, auto_refresh=False) as live:
            while True:
                try:
                    page: RenderableType = render(await store.status(), terminal.width)
                except PlaitError as error:
                    page = Text(error_line(error), "red")
                live.update(page, refresh=True)
                await asyncio.sleep(interval_s)

    target.run(repeatedly if watch else once)
