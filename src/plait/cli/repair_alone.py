"""`plait repair alone`: one folder goes on by itself, with all that can be read of it."""

import random
from pathlib import Path

import click

from plait.base.errors import BadSettings, Refused
from plait.cli.display import console, table
from plait.cli.values import print_json
from plait.host.clock import SystemClock
from plait.host.loop import run
from plait.host.storage import open_storage
from plait.node.recovery import Survey, Survivor, recover, survey


@click.command(name="alone")
@click.option("--data", required=True, type=click.Path(file_okay=False, path_type=Path),
              metavar="DIR", help="The survivor's folder; no process may have it.")  # fmt: skip
@click.option("--accept-loss", is_flag=True, help="Act; without it, only look.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def alone(data: Path, accept_loss: bool, as_json: bool) -> None:
    """Make the node in a folder the only member of everything. The last resort.

    For when so many nodes are lost for ever that the rest can decide nothing, and for a lone node
    whose log or state is damaged. Shows what the folder holds, and what may be lost. With
    --accept-loss the node keeps all that can be read and goes on alone; if there were others, as a
    new cluster: nodes of the old one are refused, and their names are not used again. Of several
    survivors choose the one that holds most (the highest epoch, then the highest tail), and one
    only. Then `plait serve --data DIR`, and `plait join` new nodes.

    \b
    Examples:
      plait repair alone --data d3
      plait repair alone --data d3 --accept-loss
    """

    async def work() -> tuple[Survey, str | None]:
        storage = await open_storage(data)
        try:
            found = survey(storage)
            if not found.needed or not accept_loss:
                return found, None
            now_ms = SystemClock().wall_ms()
            return found, await recover(storage, found, random.SystemRandom(), now_ms)
        finally:
            await storage.close()

    if not data.is_dir():
        raise BadSettings(f"there is no folder {data}")
    found, cluster = run(work())
    if as_json:
        print_json(_data_of(found, cluster))
    else:
        _show(found)
    if not found.needed:
        click.echo(
            f"{found.node} is the only member already, and nothing is damaged: nothing to do",
            err=True,
        )
    elif cluster is None:
        shut_out = f" and shuts out {', '.join(found.others)} for ever" if found.others else ""
        raise Refused(
            f"nothing was changed; --accept-loss makes {found.node} the only member{shut_out}"
        )
    else:
        click.echo(f"{found.node} is the only member now, of cluster {cluster!r}", err=True)


def _show(found: Survey) -> None:
    click.echo(f"node {found.node} of cluster {found.cluster!r}")
    grid = table()
    for heading in ("line", "acks", "members", "epoch", "head", "applied", "tail", "may be lost"):
        grid.add_column(heading, overflow="fold")
    for line in found.lines:
        grid.add_row(
            line.line, line.acks, _members(line), str(line.epoch), str(line.head),
            str(line.applied), str(line.tail), line.may_lose or "nothing",
        )  # fmt: skip
    console().print(grid)
    if found.damage:
        click.echo(f"damaged: {found.damage}")
    if found.needed:
        click.echo(
            "What lies below applied was committed. What lies from there to the tail may have "
            "been acknowledged or not; all of it is kept."
        )


def _members(line: Survivor) -> str:
    return ", ".join(line.membership.members) or "not known here"


def _data_of(found: Survey, cluster: str | None) -> dict[str, object]:
    return {
        "node": found.node,
        "cluster": found.cluster,
        "new_cluster": cluster,
        "others": list(found.others),
        "damage": found.damage or None,
        "lines": {
            line.line: {
                "acks": line.acks,
                "members": list(line.membership.members),
                "epoch": str(line.epoch),
                "head": line.head,
                "applied": line.applied,
                "tail": line.tail,
                "may_lose": line.may_lose or None,
            }
            for line in found.lines
        },
    }
