"""`plait export`: a table's rows into a file, which appears whole or not at all."""

import contextlib
import csv
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any

import click

from plait.api.dropped import ANY_LAG_S
from plait.api.settings import READ_FROM
from plait.api.store import Store
from plait.base.errors import BadSettings, BadValue
from plait.cli.connecting import Target, with_target
from plait.cli.records import FORMATS, Format, format_of
from plait.cli.values import show_value

Rows = AsyncIterator[tuple[str, Any]]


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@click.option("--table", required=True, metavar="T", help="From this table.")
@click.option("--format", "kind", type=click.Choice(FORMATS),
              help="Default: by the file's name, or jsonl.")  # fmt: skip
@click.option("--prefix", metavar="TEXT", help="Only keys that begin so.")
@click.option("--fields", metavar="A,B,…", help="CSV: the columns, after the key.")
@click.option("--read", "source", type=click.Choice(READ_FROM), default="leader",
              show_default=True, help="Which replica answers.")  # fmt: skip
@click.option("--from", "node", metavar="NODE", help="Read what this node has, however old: a "
              "delayed follower, say.")  # fmt: skip
@click.option("--dropped", is_flag=True, help="The table of that name that was dropped last; with "
              "--from.")  # fmt: skip
@with_target(past=True)
def export_command(
    target: Target,
    file: str,
    table: str,
    kind: Format | None,
    prefix: str | None,
    fields: str | None,
    source: Any,
    node: str | None,
    dropped: bool,
) -> None:
    """Write every row of a table to FILE (default, or -: standard output), in key order.

    JSON is an array, JSON lines one row a line, both of {"key": …, "value": …}; `plait import`
    reads them back. CSV has the columns key and the fields of the first row (or --fields); a cell
    that is neither text nor empty is JSON. A file is replaced only when the export is complete.

    \b
    Examples:
      plait export films.jsonl --table films
      plait export --table films --format csv --fields title,year > films.csv
      plait export films.jsonl --table films --dropped --from n3
    """
    kind = kind or format_of(file) or "jsonl"
    columns = [name.strip() for name in fields.split(",")] if fields else None

    if dropped and node is None:
        raise BadSettings("--dropped goes with --from: the node that still has the rows")
    if node is not None and target.url is None:
        raise BadSettings("--from is for --url: it names a node of a cluster")

    async def work(store: Store) -> int:
        async with contextlib.AsyncExitStack() as stack:
            if node is not None:
                store = await stack.enter_async_context(await _only(target, store, node))
            return await written_of(store)

    async def written_of(store: Store) -> int:
        if dropped:
            rows = (await store.dropped_table(table)).scan(prefix=prefix)
        else:
            handle = await store.table(table)
            if node is None:
                rows = handle.scan(prefix=prefix, read=source)
            else:
                rows = handle.scan(prefix=prefix, read="nearest", max_lag=ANY_LAG_S)
        with _destination(file) as stream:
            if kind == "csv":
                return await write_csv(stream, rows, columns)
            return await write_json(stream, rows, array=kind == "json")

    written = target.run(work)
    click.echo(f"{written} records exported from {table}", err=True)


async def _only(
    target: Target, store: Store, node: str
) -> contextlib.AbstractAsyncContextManager[Store]:
    """A store that talks to one node of it."""
    for row in await store.members():
        if row["name"] == node and row["address"]:
            return target.of_node(row["address"]).open()
    raise BadSettings(f"{node!r} is no node of this cluster")


async def write_json(stream: IO[str], rows: Rows, array: bool) -> int:
    """JSON lines, or an array with one record a line. Returns how many."""
    written = 0
    if array:
        stream.write("[")
    async for key, value in rows:
        before = ",\n" if array and written else "\n" if array else ""
        stream.write(before + show_value({"key": key, "value": value}) + ("" if array else "\n"))
        written += 1
    if array:
        stream.write("\n]\n")
    return written


async def write_csv(stream: IO[str], rows: Rows, columns: list[str] | None) -> int:
    """CSV with the given columns, or those of the first row. Returns how many rows.

    Raises `BadValue` for a row with a field that has no column: leaving data out silently would
    be worse than stopping.
    """
    writer = csv.writer(stream)
    named = columns is not None
    header: list[str] | None = columns
    written = 0
    async for key, value in rows:
        cells = value if isinstance(value, dict) else {"value": value}
        if header is None:
            header = [str(name) for name in cells]
        if not written:
            writer.writerow(["key", *header])
        unknown = [name for name in cells if name not in header]
        if unknown and not named:
            raise BadValue(
                f"row {key!r} has field {unknown[0]!r}, which the first row has not; "
                "name the columns with --fields, or export jsonl"
            )
        writer.writerow([key, *(_cell(cells.get(name)) for name in header)])
        written += 1
    if not written:
        writer.writerow(["key", *(header or [])])
    return written


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else show_value(value)


@contextlib.contextmanager
def _destination(file: str) -> Iterator[IO[str]]:
    """Standard output, or a temporary file that takes `file`'s name once it is complete."""
    if file == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    path = Path(file)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
