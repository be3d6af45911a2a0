"""`plait import`: a file's records into a table, resumable."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from plait.api.settings import Leader
from plait.api.store import Store
from plait.base.errors import BadSettings, PlaitError
from plait.cli import resume
from plait.cli.connecting import Target, with_target
from plait.cli.display import console
from plait.cli.loader import Loader
from plait.cli.records import FORMATS, BadRecord, Format, format_of, read_records

SAVE_EVERY_RECORDS = 2048


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, allow_dash=True))
@click.option("--table", required=True, metavar="T", help="Into this table; made if absent.")
@click.option("--format", "kind", type=click.Choice(FORMATS), help="Default: by the file's name.")
@click.option("--key", "key_field", metavar="FIELD", help="The field that is the key.")
@click.option("--cells", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="CSV: what cells are.")  # fmt: skip
@click.option("--acks", metavar="RULE",
              help="A new table's rule; for an existing one, wait for at least this.")  # fmt: skip
@click.option("--skip-bad", is_flag=True, help="Name bad records and go on.")
@click.option("--resume", "resuming", is_flag=True, help="Continue where the last one ended.")
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Where progress is kept; default: beside FILE.")  # fmt: skip
@with_target(may_create=True)
def import_command(
    target: Target,
    file: str,
    table: str,
    kind: Format | None,
    key_field: str | None,
    cells: str,
    acks: str | None,
    skip_bad: bool,
    resuming: bool,
    state: Path | None,
) -> None:
    """Put every record of FILE (- is standard input) into a table.

    A record is {"key": …, "value": …}, as `plait export` writes it; with --key FIELD the whole
    record is the value. Bad records are named by their line; the first ends the import (exit code
    1), unless --skip-bad.

    Progress is kept in FILE.TABLE.plait-import until the end, by counting the records that were
    acknowledged, in order; after a failure, --resume continues behind them. A few records beyond
    may be put a second time, with the same result.

    \b
    Examples:
      plait import films.jsonl --table films
      plait import cities.csv --table cities --key geonameid --acks any:1
      plait import big.jsonl --table big --resume
      zcat dump.gz | plait import - --format jsonl --table dump
    """
    kind = kind or format_of(file)
    if kind is None:
        raise BadSettings(f"the name {file!r} tells no format; add --format json, jsonl or csv")
    path = state or resume.state_path(file, table)
    if resuming and path is None:
        raise BadSettings("standard input is resumed with --state FILE, and the same input again")
    progress = resume.describe(file, table, f"{kind} {key_field or ''} {cells}")
    start = resume.load(path, progress) if resuming and path else 0
    job = _Import(table, acks, skip_bad, path, progress, start)

    async def work(store: Store) -> None:
        with _opened(file, kind) as stream, job.shown():
            await job.run(store, read_records(stream, kind, key_field, cells == "json"))

    target.run(work)
    if path:
        resume.remove(path)
    beginning = f", after {start} before" if start else ""
    skipped = f", {job.bad} bad ones skipped" if job.bad else ""
    click.echo(f"{job.good} records imported into {table}{beginning}{skipped}", err=True)


class _Import:
    """One import under way."""

    def __init__(
        self, table: str, acks: str | None, skip_bad: bool,
        path: Path | None, progress: resume.Progress, start: int,
    ) -> None:  # fmt: skip
        self._table, self._acks, self._skip_bad = table, acks, skip_bad
        self._path, self._progress, self._start = path, progress, start
        self._saved = start
        self._bar: Progress | None = None
        self.good = self.bad = 0

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Shows a progress bar on stderr, if that is a terminal."""
        if not sys.stderr.isatty():
            yield
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                   TimeElapsedColumn())  # fmt: skip
        with Progress(*columns, console=console(sys.stderr)) as self._bar:
            self._bar.add_task(f"importing into {self._table}", total=None, completed=self._start)
            yield

    async def run(self, store: Store, records: Iterator[Any]) -> None:
        """Put everything behind the records that were done before."""
        known = {info.name for info in await store.tables()}
        if self._table in known:
            handle, acks = await store.table(self._table), self._acks
        else:
            handle, acks = await store.table(self._table, Leader(self._acks or "majority")), None
        loader = Loader(handle, acks, self._start, self._on_done)
        try:
            for index, record in enumerate(records):
                if index < self._start:
                    continue
                if isinstance(record, BadRecord):
                    await self._refuse(record, loader)
                else:
                    await loader.add(record.key, record.value)
                    self.good += 1
            await loader.finish()
        except (Exception, asyncio.CancelledError):
            await loader.abandon()
            self._save(loader.done)
            self._explain(loader.done)
            raise

    async def _refuse(self, record: BadRecord, loader: Loader) -> None:
        if not self._skip_bad:
            await loader.finish()  # the good ones before it are imported
            raise BadInput(f"{record.place}: {record.why}")
        self.bad += 1
        click.echo(f"skipped {record.place}: {record.why}", err=True)
        loader.skip()

    def _on_done(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)
        if done - self._saved >= SAVE_EVERY_RECORDS:
            self._save(done)

    def _save(self, done: int) -> None:
        if self._path is not None:
            resume.save(self._path, self._progress.done(done))
            self._saved = done

    def _explain(self, done: int) -> None:
        how = "--resume continues behind them" if self._path else "nothing was kept to resume from"
        click.echo(f"{done} records were acknowledged; {how}", err=True)


class BadInput(PlaitError):
    """A record that cannot be imported: the file's fault, not the command line's."""

    advice = "mend it and --resume, or leave such records out with --skip-bad"


@contextlib.contextmanager
def _opened(file: str, kind: Format) -> Iterator[IO[str]]:
    if file == "-":
        with click.open_file("-", encoding="utf-8", errors="surrogateescape") as stream:
            yield stream
        return
    # surrogateescape: a byte that is no UTF-8 spoils its own record, not the whole import.
    newline = "" if kind == "csv" else None
    with open(file, encoding="utf-8-sig", errors="surrogateescape", newline=newline) as stream:
        yield stream
