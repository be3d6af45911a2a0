"""`plait backup`: take backups, keep a log archived, verify and list what there is, prune."""

import asyncio
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from plait.api.store import Store
from plait.base.errors import Indefinite, PlaitError, Refused
from plait.cli.amount import amount
from plait.cli.connecting import Target, with_target
from plait.cli.display import console, size, table
from plait.cli.exits import OK, REFUSED, error_line
from plait.cli.progress import told
from plait.cli.serve import machine_class, machine_option
from plait.cli.values import print_json
from plait.host.clock import SystemClock
from plait.host.loop import run
from plait.host.storage import open_storage
from plait.node.backup.folders import existing, scratch_folder
from plait.node.backup.layout import Manifest
from plait.node.backup.pruning import Pruned, Rules, prune
from plait.node.backup.vault import manifest_names, read_manifest, whose
from plait.node.backup.verifying import Verdict, verify

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_folder = click.argument(
    "folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path)
)  # fmt: skip


class _Backups(click.Group):
    """A group whose first word, if it is no subcommand, is the folder to take a backup to."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word in that is left out."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["take", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_Backups, options_metavar="DIR | verify DIR | list DIR | prune DIR", subcommand_metavar=""
)
def backup() -> None:
    """Back a store up while it is in use, to a folder: `plait backup DIR`.

    Everything that was acknowledged before is in the backup: tables, machines, documents. A later
    backup to the same folder adds what is new, from whichever node. --follow goes on, so that the
    folder is never more than a few seconds behind. `plait restore` makes a store from it, as of
    any moment since.

    With --data the folder of a store that no process has open is backed up, by this process. With
    --url a node does it, to a folder of its own machine: give the whole path there.

    \b
    Examples:
      plait backup /mnt/backups/shop --url plait://10.0.0.1:7401
      plait backup /mnt/backups/shop --follow
      plait backup /mnt/backups/shop --rate 50MB
      plait backup verify /mnt/backups/shop --deep
      plait backup list /mnt/backups/shop
      plait backup prune /mnt/backups/shop --days 7 --daily 30
    """


@backup.command()
@_folder
@click.option("--follow", is_flag=True, help="Go on until interrupted.")
@click.option("--every", "every_s", type=click.FloatRange(min=0.1), default=2.0, show_default=True,
              metavar="S", help="With --follow: seconds between.")  # fmt: skip
@click.option("--rate", callback=amount, metavar="SIZE",
              help="No more a second, 50MB say; without it writes come first.")  # fmt: skip
@_json
@with_target()
def take(
    target: Target, folder: Path, follow: bool, every_s: float, rate: float | None, as_json: bool
) -> None:
    """Take a backup to DIR. The word `take` may be left out.

    With --follow each of the later ones takes the place of the one before it.
    """
    place = folder if target.data is None else folder.absolute()

    async def work(store: Store) -> None:
        report = await store.backup(place, bytes_per_s=rate)
        _show_taken(report, as_json)
        while follow:
            await asyncio.sleep(every_s)
            try:
                again = await store.backup(place, supersedes=report["backup"], bytes_per_s=rate)
            except (Refused, Indefinite) as error:  # a fail-over, say: the next one has it all
                click.echo(error_line(error), err=True)
                continue
            if again["backup"] != report["backup"]:
                _show_taken(again, as_json)
            report = again

    target.run(work)


def _show_taken(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    lines, documents = len(report["positions"]), len(report["documents"])
    click.echo(
        f"{report['backup']}: {lines} lines and {documents} collections of documents of cluster "
        f"{report['cluster']!r}, by {report['node']}; {size(report['written_bytes'])} were new"
    )


@backup.command(name="list")
@_folder
@_json
def list_(folder: Path, as_json: bool) -> None:
    """List the backups in DIR, with the moments that can be restored."""

    async def work() -> tuple[str, list[dict[str, Any]]]:
        vault = existing(folder)
        cluster, rows = await whose(vault), []
        for name in await manifest_names(vault):
            try:
                rows.append(_row_of(name, await read_manifest(vault, name)))
            except PlaitError as error:
                rows.append({"backup": name, "error": error.message})
        return cluster, rows

    cluster, rows = run(work())
    if as_json:
        print_json({"cluster": cluster, "backups": rows})
        return
    click.echo(f"backups of cluster {cluster!r}", err=True)
    grid = table()
    for heading in ("backup", "by", "from", "until", "lines", "documents", "size"):
        grid.add_column(heading)
    for row in rows:
        if "error" in row:
            grid.add_row(row["backup"], row["error"])
            continue
        grid.add_row(
            row["backup"], row["node"], row["from"], row["until"], str(len(row["positions"])),
            str(len(row["documents"])), size(row["bytes"]),
        )  # fmt: skip
    console().print(grid)


def _row_of(name: str, manifest: Manifest) -> dict[str, Any]:
    begins = max(line.copies[0].time_ms for line in manifest.lines)
    return {
        "backup": name,
        "node": manifest.node,
        "from": "the beginning" if not begins else moment(begins),
        "until": moment(manifest.time_ms),
        "positions": {line.line: line.position for line in manifest.lines},
        "documents": [graph.name for graph in manifest.graphs if not graph.gone_ms],
        "bytes": sum(piece.size for piece in manifest.pieces().values()),
    }


def moment(time_ms: int) -> str:
    """A time for people, with its offset."""
    return datetime.fromtimestamp(time_ms / 1000).astimezone().isoformat(timespec="milliseconds")


@backup.command(name="verify")
@_folder
@click.option("--deep", is_flag=True,
              help="Also fold the newest backup, and compare what comes out.")  # fmt: skip
@machine_option
@_json
def verify_command(folder: Path, deep: bool, machines: tuple[str, ...], as_json: bool) -> int:
    """Read everything in DIR back: every checksum, every chain of entries.

    --deep folds each line again, from every copy of its state, and compares the state's hash with
    what it was when the backup was taken. Machines of users need their classes for that.

    \b
    Example:
      plait backup verify /mnt/backups/shop --deep --machine shop.tally:Tally

    Exit codes: 0 all is well, 1 something is damaged, 2 usage.
    """
    classes = tuple(machine_class(name) for name in machines)
    clock, chance = SystemClock(), random.SystemRandom()

    async def work() -> Verdict:
        vault = existing(folder)
        names = await manifest_names(vault)
        with told("verifying") as tell:

            def heard(what: str) -> None:
                if what in names:
                    tell(names.index(what), len(names))

            if not deep:
                return await verify(vault, clock=clock, random=chance, tell=heard)
            with scratch_folder() as scratch:
                storage = await open_storage(scratch)
                try:
                    return await verify(
                        vault, storage, clock=clock, random=chance, machines=classes, tell=heard
                    )
                finally:
                    await storage.close()

    verdict = run(work())
    if as_json:
        print_json(verdict._asdict())
    else:
        for what in verdict.wrong:
            click.echo(f"wrong: {what}", err=True)
        for what in verdict.unknown:
            click.echo(f"not looked at: {what}", err=True)
        folded = f", {verdict.folded} states came to what they were" if deep else ""
        click.echo(
            f"{verdict.manifests} backups are whole; {verdict.pieces} pieces, "
            f"{size(verdict.bytes)}{folded}"
        )
    return REFUSED if verdict.wrong or not verdict.manifests else OK


@backup.command(name="prune")
@_folder
@click.option("--keep", "newest", type=click.IntRange(min=1), default=1, show_default=True,
              metavar="N", help="The newest N stay.")  # fmt: skip
@click.option("--days", type=click.FloatRange(min=0), default=0.0, metavar="D",
              help="All of the last D days stay.")  # fmt: skip
@click.option("--daily", type=click.IntRange(min=0), default=0, metavar="N",
              help="The newest of each of the last N days stays.")  # fmt: skip
@click.option("--unnamed", is_flag=True,
              help="Also pieces that no backup names; never while one is taken.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@_json
def prune_command(
    folder: Path, newest: int, days: float, daily: int, unnamed: bool, dry_run: bool, as_json: bool
) -> None:
    """Remove the backups in DIR that no rule keeps, and the pieces that only they need.

    A backup stays if any rule keeps it. Moments that only a removed one held cannot be restored
    any more. A damaged manifest stops it, for it may need anything: see `plait backup verify`.

    \b
    Examples:
      plait backup prune /mnt/backups/shop --days 7 --daily 30
      plait backup prune /mnt/backups/shop --keep 10 --dry-run
    """

    async def work() -> Pruned:
        now_ms = SystemClock().wall_ms()
        rules = Rules(newest, days, daily)
        vault = existing(folder)
        with told("pruning") as tell:
            return await prune(
                vault, rules, now_ms, unnamed=unnamed, act=not dry_run, tell=tell
            )  # fmt: skip

    done = run(work())
    if as_json:
        print_json(done._asdict() | {"dry_run": dry_run})
        return
    verb = "would go" if dry_run else "went"
    click.echo(
        f"{len(done.removed)} backups {verb}, with {done.pieces} pieces, {size(done.bytes)}; "
        f"{len(done.kept)} stay"
    )
