"""`plait sync`: a store and a folder, or a relay, exchange what they lack, once or always."""

import asyncio
from pathlib import Path

import click
import msgspec

from plait.base.errors import FolderInUse, PlaitError
from plait.cli.display import size
from plait.cli.exits import OK, REFUSED, error_line
from plait.cli.values import print_json
from plait.host.loop import run
from plait.host.shared_folder import SharedFolder
from plait.node.config import NodeConfig
from plait.node.folder_report import CollectionReport, RoundReport
from plait.node.folder_sync import FolderSync
from plait.node.node import Node
from plait.node.serve import running


@click.command("sync")
@click.option("--data", required=True, type=click.Path(file_okay=False, path_type=Path),
              metavar="DIR", envvar="PLAIT_DATA",
              help="The store's folder, made if absent; no process has it open.")  # fmt: skip
@click.option("--folder", type=click.Path(path_type=Path), metavar="DIR",
              help="The shared folder; it must be there.")  # fmt: skip
@click.option("--engine", metavar="URL",
              help="Instead NATS JetStream or PostgreSQL: nats://host:4222.")  # fmt: skip
@click.option("--name", metavar="NAME",
              help="With --engine: which stores sync with each other there.")  # fmt: skip
@click.option("--watch", is_flag=True, help="Go on until interrupted.")
@click.option("--every", "every_s", type=click.FloatRange(min=0.05), default=1.0,
              show_default=True, metavar="S",
              help="With --watch: seconds between; with --engine, for what can wait.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a round.")
def sync(
    data: Path,
    folder: Path | None,
    engine: str | None,
    name: str | None,
    watch: bool,
    every_s: float,
    as_json: bool,
) -> int:
    """Sync every collection of documents through a folder that something else carries, or through
    a server of NATS JetStream or PostgreSQL.

    A shared or synchronised folder, or a USB stick: each store leaves what the others lack and
    takes in what they left, in one round. An empty or absent store joins: its first round asks, a
    round of a store that is in admits it, its next round brings everything. Files that are still
    being copied, or are damaged, are named and tried again next time. A server carries the same,
    for all stores that name it and the same NAME; with --watch edits arrive at once.

    A store that is open in a program syncs with `await store.sync_folder(path)` or
    `await store.sync_through(url, name=...)`.

    \b
    Examples:
      plait sync --data notes --folder /media/stick
      plait sync --data notes --folder ~/Dropbox/plait --watch
      plait sync --data notes --engine nats://10.0.0.1:4222 --name family --watch

    Exit codes: 0 done, 1 something was wrong (a bad file, graphs that began separately, a full
    folder, no answer), 2 usage.
    """
    if (folder is None) == (engine is None) or (engine is None) != (name is None):
        raise click.UsageError("name a --folder, or an --engine and a --name")
    if folder is not None:
        SharedFolder(folder)  # before an absent store is made for nothing

    async def work() -> bool:
        async with running(NodeConfig(data)) as node:
            if engine is None or name is None:
                assert folder is not None
                return await _folder(node, folder, every_s if watch else None, as_json)
            if watch:
                return await _relay(node, engine, name, every_s, as_json)
            return _show(await node.relays.round(engine, name), as_json)

    try:
        return OK if run(work()) else REFUSED
    except FolderInUse as error:
        raise FolderInUse(
            f"{error.message}; a store that is open syncs with store.sync_folder(path) or "
            "store.sync_through(url)",
            **error.details,
        ) from None


async def _folder(node: Node, folder: Path, every_s: float | None, as_json: bool) -> bool:
    """One round, or one every so often."""
    folder_sync = FolderSync(node, folder)
    good = _show(await folder_sync.round(), as_json)
    while every_s is not None:
        await asyncio.sleep(every_s)
        good = await _again(folder_sync, as_json)
    return good


async def _relay(node: Node, url: str, name: str, every_s: float, as_json: bool) -> bool:
    """Rounds as things happen."""

    def tell(report: RoundReport | PlaitError) -> None:
        if isinstance(report, PlaitError):
            click.echo(error_line(report), err=True)
        elif report.moved or report.wrong:
            _show(report, as_json)

    handle = await node.relays.sync_through(url, name, every_s, tell)
    await handle.ended()
    return handle.error is None


async def _again(folder_sync: FolderSync, as_json: bool) -> bool:
    """One of many rounds: it says something only if it did something; its failure passes."""
    try:
        report = await folder_sync.round()
    except PlaitError as error:
        click.echo(error_line(error), err=True)
        return False
    if report.moved or report.wrong:
        return _show(report, as_json)
    return True


def _show(report: RoundReport, as_json: bool) -> bool:
    """Print a round; whether nothing was wrong."""
    if as_json:
        print_json(msgspec.to_builtins(report))
    else:
        for collection in report.collections:
            click.echo(line_of(collection))
        if not report.collections:
            click.echo("no documents here, and none in the folder")
    for what in report.wrong:
        click.echo(f"wrong: {what}", err=True)
    return not report.wrong


def line_of(report: CollectionReport) -> str:
    """What happened to one collection, on one line."""
    plural = "" if report.events_in == 1 else "s"
    said = [f"{report.events_in} event{plural} in", f"{report.events_out} out"]
    if report.bytes_out:
        said[-1] += f" ({size(report.bytes_out)})"
    if report.admitted:
        said.append(f"admitted {', '.join(report.admitted)}")
    if report.asks:
        said.append("asks to be admitted")
    if report.waits:
        said.append(report.waits)
    if not report.others:
        said.append("nobody else has left anything")
    return f"{report.name}: {', '.join(said)}"
