"""`plait restore`: a new data folder from a backup."""

from pathlib import Path
from typing import Any

import click

from plait import entry
from plait.cli.backup import moment
from plait.cli.display import console, table
from plait.cli.progress import told
from plait.cli.values import print_json
from plait.host.loop import run


@click.command(name="restore")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--data", required=True, type=click.Path(file_okay=False, path_type=Path),
              metavar="NEW", help="The folder to make; it must be new or empty.")  # fmt: skip
@click.option("--at", default="latest", show_default=True, metavar="TIME|LINE:POSITION|latest",
              help="As of when: a time as ISO 8601 writes it (local without an offset), or one "
              "line's position and everything else as of that moment.")  # fmt: skip
@click.option("--name", default="n1", show_default=True, help="The node's name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def restore(folder: Path, data: Path, at: str, name: str, as_json: bool) -> None:
    """Make a data folder from the backups in DIR: one node, the only one of a new cluster.

    Then `plait serve --data NEW`, and `plait join` further nodes with empty folders. The cluster
    that was backed up may still run: nothing of either mixes with the other.

    \b
    Examples:
      plait restore /mnt/backups/shop --data shop
      plait restore /mnt/backups/shop --data shop --at 2026-01-31T11:59:00
      plait restore /mnt/backups/shop --data shop --at consensus:903
    """
    with told("restoring") as tell:
        restored = run(entry.restore(folder, data, at=at, name=name, tell=tell))
    if as_json:
        print_json(restored)
        return
    show_restored(restored)
    click.echo(
        f"node {restored['node']} of the new cluster {restored['cluster']!r} is in {data}", err=True
    )


def show_restored(restored: dict[str, Any]) -> None:
    """Where each line of a restored store goes on."""
    grid = table()
    for heading in ("line", "position", "as of", "epoch"):
        grid.add_column(heading)
    for line, state in restored["lines"].items():
        time = moment(state["time_ms"]) if state["time_ms"] else ""
        grid.add_row(line, str(state["position"]), time, state["epoch"])
    console().print(grid)
    if restored["documents"]:
        click.echo(f"documents: {', '.join(restored['documents'])}")
