"""`plait branch`: a copy of a store to write to, and throw away."""

from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from plait import entry
from plait.api.store import Store
from plait.base.errors import BadSettings
from plait.cli.connecting import Target, with_target
from plait.cli.progress import told
from plait.cli.restore import show_restored
from plait.cli.values import print_json
from plait.host.address import split_address
from plait.host.loop import run
from plait.node.config import NodeConfig
from plait.node.node import Node
from plait.node.serve import serve


@click.command()
@click.argument("folder", metavar="NEW", type=click.Path(file_okay=False, path_type=Path))
@click.option("--at", "moment", default="latest", show_default=True,
              metavar="TIME|LINE:POSITION|latest",
              help="As of when; a moment of the past where history is kept.")  # fmt: skip
@click.option("--name", default="n1", show_default=True, help="The name of the branch's node.")
@click.option("--serve", "listen", metavar="HOST:PORT",
              help="Serve it there, once it is made, until Ctrl-C.")  # fmt: skip
@click.option("--drop", is_flag=True, help="Throw the branch in NEW away instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target()
def branch(
    target: Target,
    folder: Path,
    moment: str,
    name: str,
    listen: str | None,
    drop: bool,
    as_json: bool,
) -> None:
    """Make a branch of a store in the folder NEW: to try something out on, and throw away.

    It comes from a node that --url names, wherever NEW is; that node stays in its place and goes
    on receiving. Or it comes from a folder that no process has open, with --data. The branch is a
    cluster of its own, of one node: nothing of it comes back. --drop removes it, and nothing that
    is no branch.

    \b
    Examples:
      plait branch try --url plait://10.0.0.2:7401
      plait branch try --url plait://10.0.0.2:7401 --at 2026-01-31T11:59 --serve 127.0.0.1:7501
      plait branch try --drop
    """
    if listen is not None:
        split_address(listen)
    if drop:
        if listen is not None or moment != "latest":
            raise BadSettings("--drop throws a branch away: it goes with no --serve and no --at")
        run(entry.drop_branch(folder))
        click.echo(f"the branch in {folder} is gone", err=True)
        return

    async def work(store: Store) -> dict[str, Any]:
        with told("branching") as tell:
            return await entry.branch(store, folder, at=moment, name=name, tell=tell)

    made = replace(target, only=target.url is not None).run(work)
    if as_json:
        print_json(made)
    else:
        show_restored(made)
    click.echo(f"a branch of {made['former']!r} is in {folder}, as cluster {made['cluster']!r}",
               err=True)  # fmt: skip
    if listen is None:
        click.echo(
            f"serve it with `plait serve --data {folder} --listen HOST:PORT`, and throw it away "
            f"with `plait branch {folder} --drop`", err=True,
        )  # fmt: skip
        return
    run(serve(NodeConfig(folder, name, listen), _announce))


def _announce(node: Node) -> None:
    click.echo(f"{node.name} of the branch is ready at plait://{node.address}", err=True)
