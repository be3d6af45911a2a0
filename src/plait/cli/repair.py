"""`plait repair`: what is wrong with a folder, and the cures for it."""

import os
from pathlib import Path
from typing import Any

import click

from plait import entry
from plait.base.errors import BadSettings, Refused
from plait.cli.credentials import shown, tls_of, tls_options, token_of, token_option
from plait.cli.display import console, size, table
from plait.cli.repair_alone import alone
from plait.cli.values import print_json
from plait.host.loop import run
from plait.host.storage import open_storage
from plait.node.repair import (
    Looked,
    Orphan,
    Refetched,
    drop_orphans,
    find_orphans,
    identity_of,
    look,
    refetch,
)

_data = click.option(
    "--data", required=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="A node's folder; no process may have it.",
)  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class _Repairs(click.Group):
    """A group that looks, if it is not told what to do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word in that is left out."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["look", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Repairs, options_metavar="--data DIR", subcommand_metavar="[CURE …]")
def repair() -> None:
    """Say what is wrong with the folder of a stopped node, and mend it.

    Without a cure it only looks: it reads every entry and every state back, and says what would
    help. A node that runs is asked by `plait doctor`.

    \b
    Examples:
      plait repair --data d3
      plait repair refetch --data d3 --url plait://10.0.0.1:7401
      plait repair refetch --data d3 --url plait://10.0.0.1:7401 --name n3
      plait repair alone --data d3
      plait repair orphans --data d3 --drop
    """


@repair.command(name="look")
@_data
@_json
def look_command(data: Path, as_json: bool) -> None:
    """Read everything in a folder back. The word `look` may be left out.

    Exit codes: 0 nothing is wrong, 1 something is damaged, 2 usage.
    """
    found = run(look(_existing(data)))
    if as_json:
        print_json(found._asdict() | {"orphans": [each._asdict() for each in found.orphans]})
    else:
        _show(found)
    bad = [each for each in found.findings if each["severity"] == "refuse"]
    if bad:
        raise Refused(f"{len(bad)} of {len(found.findings)} findings must be put right")


def _existing(data: Path) -> Path:
    if not data.is_dir():
        raise BadSettings(
            f"there is no folder {data}; a lost node's is made by `plait repair refetch`"
        )
    return data


def _show(found: Looked) -> None:
    click.echo(f"node {found.node or '?'} of cluster {found.cluster or '?'!r}", err=True)
    if not found.findings:
        click.echo("nothing is wrong")
        return
    rows = table()
    for title in ("", "where", "what", "remedy"):
        rows.add_column(title, overflow="fold")
    for each in found.findings:
        bad = each["severity"] == "refuse"
        mark = "[red]bad[/]" if bad else "[yellow]warning[/]"
        rows.add_row(mark, each["where"], each["what"], each["remedy"])
    console().print(rows)


@repair.command(name="refetch")
@_data
@click.option("--url", required=True, metavar="URL", help="The other nodes: plait://host:port,….")
@click.option("--name", help="The node's name, where the folder cannot say it.")
@tls_options
@token_option
def refetch_command(
    data: Path,
    url: str,
    name: str | None,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    token_file: Path | None,
) -> None:
    """Let a node fetch everything again from the others: its folder is lost or damaged.

    Asks the others first: the node must be one of theirs and be down, and every line must be led
    by one of them. What the folder has is dropped, except what it promised; if its log cannot be
    opened, the folder is set aside beside it. Then start the node as ever: it counts for nothing
    until it has caught up.

    \b
    Examples:
      plait repair refetch --data d3 --url plait://10.0.0.1:7401
      plait repair refetch --data d3 --url plait://10.0.0.1:7401 --name n3
    """

    shows = shown(tls_of(tls_ca, tls_cert, tls_key), token_of(token_file, os.environ))

    async def work() -> tuple[Refetched, str]:
        named = name or await _name_in(data)
        async with entry.connect(url, **shows) as store:
            status = (await store.status())["nodes"]
            rows = {row["name"]: row for row in await store.members()}
        cluster = _fit(named, status, rows)
        return await refetch(data, named, cluster), rows[named]["address"]

    done, address = run(work())
    if done.aside is not None:
        click.echo(f"what could not be read is in {done.aside}", err=True)
    click.echo(f"{done.node} fetches everything again once it is started:", err=True)
    click.echo(f"plait serve --data {data} --listen {address}")


async def _name_in(data: Path) -> str:
    if not data.is_dir():
        raise BadSettings(f"there is no folder {data}: say whose it was with --name")
    found = await look(data)
    if found.node is None:
        raise BadSettings("the folder cannot say whose it is: add --name")
    return found.node


def _fit(name: str, status: dict[str, Any], rows: dict[str, Any]) -> str:
    """The cluster, if it can do without what `name` has; `Refused` says why not."""
    if name not in rows:
        raise BadSettings(
            f"{name} is no node of the cluster; there are {', '.join(rows)}. A new one joins: "
            "`plait join`"
        )
    up = {node: each for node, each in status.items() if "error" not in each}
    if name in up:
        raise Refused(f"{name} is running: stop it first")
    led = {
        line for each in up.values() for line, at in each["lines"].items() if at["role"] == "leader"
    }
    known = {line for each in up.values() for line in each["lines"]}
    voters = [node for node, row in rows.items() if row["role"] in ("member", "witness")]
    if known - led or 2 * len([node for node in voters if node in up]) <= len(voters):
        lost = ", ".join(sorted(known - led)) or "the cluster"
        raise Refused(
            f"nobody leads {lost}: what {name} has may be needed. Start the others first; if they "
            "are lost for ever: `plait repair alone`"
        )
    return str(next(iter(up.values()))["cluster"])


@repair.command(name="orphans")
@_data
@click.option("--drop", is_flag=True, help="Let go of them; without it, only look.")
@_json
def orphans_command(data: Path, drop: bool, as_json: bool) -> None:
    """List logs and states that no line owns, such as of what was dropped while the node was away.

    With --drop they go for good.
    """

    async def work() -> list[Orphan]:
        storage = await open_storage(_existing(data))
        try:
            identity_of(storage)
            found = find_orphans(storage, data)
            if drop:
                await drop_orphans(storage, data, found)
            return found
        finally:
            await storage.close()

    found = run(work())
    if as_json:
        print_json([each._asdict() for each in found])
        return
    for each in found:
        gone = "dropped: " if drop else ""
        click.echo(f"{gone}{each.line}: {each.entries} entries, state of {size(each.state_bytes)}")
    if not found:
        click.echo("there are none", err=True)


repair.add_command(alone)
