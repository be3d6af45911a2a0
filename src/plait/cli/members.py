"""`plait join`, `leave` and `members`: nodes that come and go."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from plait import entry
from plait.api.store import Store
from plait.base.errors import BadSettings, Unavailable
from plait.base.ids import node_name
from plait.cli.connecting import Target, with_target
from plait.cli.credentials import (
    node_tls,
    shown,
    tls_of,
    tls_options,
    token_of,
    token_option,
)
from plait.cli.display import console, table
from plait.cli.logs import log_level_option, log_option, start_logging
from plait.cli.serve import machine_class, machine_option
from plait.cli.values import print_json
from plait.host.address import split_address
from plait.host.loop import run
from plait.node.config import NodeConfig
from plait.node.node import Node
from plait.node.serve import serve as serve_node

PROGRESS_S = 2.0  # between two words about a node that catches up

_timeout = click.option(
    "--timeout", "timeout_s", default=60.0, show_default=True, metavar="SECONDS",
    type=click.FloatRange(min=0),
)  # fmt: skip


@click.command()
@click.argument("seeds", metavar="URL")
@click.option("--data", required=True, type=click.Path(file_okay=False, path_type=Path),
              metavar="DIR", help="The new node's folder; made if absent.")  # fmt: skip
@click.option("--name", required=True, help="The new node's name, used by no node before.")
@click.option("--listen", required=True, metavar="HOST:PORT",
              help="Where it listens, and where the others reach it.")  # fmt: skip
@click.option("--witness", is_flag=True, help="Vote in consensus, but never lead.")
@click.option("--zone", default="", help="Where it is.")
@click.option("--timeout", "timeout_s", default=3600.0, show_default=True, metavar="SECONDS",
              type=click.FloatRange(min=0), help="For catching up.")  # fmt: skip
@tls_options
@token_option
@click.option("--insecure", is_flag=True, help="Listen on a public address even without TLS.")
@machine_option
@log_level_option
@log_option
def join(
    seeds: str,
    data: Path,
    name: str,
    listen: str,
    witness: bool,
    zone: str,
    timeout_s: float,
    tls_ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    token_file: Path | None,
    insecure: bool,
    machines: tuple[str, ...],
    log_level: str,
    log_form: str,
) -> None:
    """Run a new node, and have it taken into the cluster that is found at URL.

    The node copies what the cluster holds; once it has caught up it votes, and every line takes
    it in. It then runs until SIGTERM or Ctrl-C; later `plait serve --data DIR` is all it needs.
    If this is interrupted, the same command goes on from where things are.

    \b
    Examples:
      plait join plait://10.0.0.1:7401 --data d2 --name n2 --listen 10.0.0.2:7401
    """
    node_name(name)
    split_address(listen)
    kinds = tuple(map(machine_class, machines))
    start_logging(log_level, log_form)

    tls = node_tls(tls_of(tls_ca, tls_cert, tls_key))
    token = token_of(token_file, os.environ)

    async def work() -> None:
        async with entry.connect(seeds, **shown(tls, token)) as store:
            cluster = await _cluster_for(store, name, listen)
            config = NodeConfig(
                data, name, listen, cluster=cluster, joins=True, machines=kinds, zone=zone, tls=tls,
                insecure=insecure,
            )  # fmt: skip
            await _serve_and(config, lambda at: _take_in(store, name, at, witness, timeout_s, zone))

    run(work())


async def _cluster_for(store: Store, name: str, address: str) -> str:
    """The cluster's name; `BadSettings` if it has a node that this one cannot be told from."""
    for row in await store.members():
        if row["name"] == name and row["address"] not in (None, address):
            raise BadSettings(f"{name!r} is a node already, at {row['address']}")
        if row["address"] == address and row["name"] != name:
            raise BadSettings(f"node {row['name']!r} is at {address} already")
    nodes = (await store.status())["nodes"].values()
    found = {node["cluster"] for node in nodes if "cluster" in node}
    if len(found) != 1:
        raise Unavailable("no node of the cluster said what it is called")
    return str(found.pop())


async def _serve_and(config: NodeConfig, then: Callable[[str], Any]) -> None:
    """Serve the node; do `then` with its address once it listens. A failure ends both."""
    ready: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve_node(config, ready.set_result))
    await asyncio.wait((serving, ready), return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        following = asyncio.create_task(then(ready.result().address))
        await asyncio.wait((serving, following), return_when=asyncio.FIRST_COMPLETED)
        if following.done() and following.exception() is not None:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            following.result()
        if not following.done():  # told to stop before it was taken in
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    await serving


async def _take_in(
    store: Store, name: str, address: str, witness: bool, timeout_s: float, zone: str
) -> None:
    click.echo(f"{name} is at plait://{address}, catching up", err=True)
    joining = asyncio.create_task(
        store.join(name, address, witness=witness, timeout_s=timeout_s, zone=zone)
    )
    try:
        while True:
            done, _ = await asyncio.wait((joining,), timeout=PROGRESS_S)
            if done:
                break
            click.echo(f"{name} is still catching up", err=True)
        await joining
    finally:
        joining.cancel()
    await store.close()  # from here on the node is on its own
    click.echo(f"{name} is a member now", err=True)


@click.command()
@click.argument("name")
@_timeout
@with_target()
def leave(target: Target, name: str, timeout_s: float) -> None:
    """Let node NAME go, alive or dead; returns once nothing depends on it.

    Its name is not used again. A node that is alive goes on running and knows that it has left:
    stop it. To replace a lost node, `plait join` a new one first, then let the lost one go.

    \b
    Examples:
      plait leave n4
      plait leave n1 --url plait://10.0.0.2:7401
    """

    async def work(store: Store) -> dict[str, Any]:
        return await store.leave(name, timeout_s)

    answer = target.run(work)
    left = [row["name"] for row in answer["members"]]
    click.echo(f"{name} has left; the nodes are {', '.join(left)}")
    if unheard := answer.get("unheard_documents"):
        click.echo(
            f"{name} could not be heard: what only it had of the documents "
            f"{', '.join(unheard)} is in its folder and nowhere else",
            err=True,
        )


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target()
def members(target: Target, as_json: bool) -> None:
    """List the nodes: where they are found, what they are, and who leads the control line.

    A joining node catches up and has no vote yet; a leaving one has none any more; a reader has
    none for good; a witness votes in consensus and never leads.
    """

    async def work(store: Store) -> list[dict[str, Any]]:
        return await store.members()

    rows = target.run(work)
    if as_json:
        print_json(rows)
        return
    grid = table()
    placed = any(row.get("zone") for row in rows)
    for heading in ("node", *(("zone",) if placed else ()), "address", "role", "control"):
        grid.add_column(heading, overflow="fold")
    for row in rows:
        leads = "leads" if row["leads_control"] else ""
        zone = [row.get("zone") or ""] if placed else []
        grid.add_row(row["name"], *zone, row["address"] or "?", row["role"], leads)
    console().print(grid)
