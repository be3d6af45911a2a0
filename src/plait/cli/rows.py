"""Reading and writing rows: `plait get`, `put`, `delete`, `scan`, `count` and `watch`."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from plait.api.settings import READ_FROM
from plait.api.store import Store
from plait.api.watch import Change
from plait.cli.connecting import Target, with_target
from plait.cli.exits import NoSuchKey
from plait.cli.values import parse_value, show_value

_F = TypeVar("_F", bound=Callable[..., Any])

_acks = click.option(
    "--acks", metavar="RULE", help="Wait for more than the table's rule: any:K, majority, all."
)
_MISSING = object()


def _read_options(command: _F) -> _F:
    click.option(
        "--max-lag",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="Refuse an answer that is further behind.",
    )(command)
    click.option(
        "--read",
        "source",
        type=click.Choice(READ_FROM),
        default="leader",
        show_default=True,
        help="Which replica answers.",
    )(command)
    return command


@click.command()
@click.argument("table")
@click.argument("key")
@click.option("--raw", is_flag=True, help="Print a string without quotes.")
@_read_options
@with_target(past=True)
def get(
    target: Target, table: str, key: str, raw: bool, source: Any, max_lag: float | None
) -> None:
    """Print the value of KEY as JSON. Exit code 3 if there is none.

    \b
    Examples:
      plait get films f1
      plait get films f1 --read follower --max-lag 0.5
      plait get cities 2950159 --data ./data
    """

    async def work(store: Store) -> Any:
        handle = await store.table(table)
        return await handle.get(key, _MISSING, read=source, max_lag=max_lag)

    value = target.run(work)
    if value is _MISSING:
        raise NoSuchKey(f"table {table} has no key {key!r}")
    click.echo(value if raw and isinstance(value, str) else show_value(value))


@click.command()
@click.argument("table")
@click.argument("key")
@click.argument("value")
@click.option("--string", is_flag=True, help="Store VALUE as text even if it looks like JSON.")
@_acks
@with_target(may_create=True)
def put(target: Target, table: str, key: str, value: str, string: bool, acks: str | None) -> None:
    """Set KEY to VALUE: JSON, or a plain string if it is no JSON. ``-`` reads standard input.

    The table must exist (`plait create`).

    \b
    Examples:
      plait put films f1 '{"title": "Blockbuster", "year": 2026}'
      plait put settings colour blue
      plait put settings zip 01234 --string
      plait put notes n1 - < note.json
    """
    text = sys.stdin.read() if value == "-" else value

    async def work(store: Store) -> None:
        handle = await store.table(table)
        await handle.put(key, parse_value(text, string), acks=acks)

    target.run(work)


@click.command()
@click.argument("table")
@click.argument("key")
@_acks
@with_target()
def delete(target: Target, table: str, key: str, acks: str | None) -> None:
    """Remove KEY. It is no error if it is not there."""

    async def work(store: Store) -> None:
        handle = await store.table(table)
        await handle.delete(key, acks=acks)

    target.run(work)


@click.command()
@click.argument("table")
@click.option("--start", metavar="KEY", help="First key wanted.")
@click.option("--stop", metavar="KEY", help="First key not wanted.")
@click.option("--prefix", metavar="TEXT", help="Only keys that begin so.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N rows.")
@click.option("--reverse", is_flag=True, help="Descending keys.")
@click.option("--json", "as_json", is_flag=True, help='One {"key", "value"} object a line.')
@click.option("--keys", "keys_only", is_flag=True, help="Only the keys.")
@_read_options
@with_target(past=True)
def scan(
    target: Target,
    table: str,
    start: str | None,
    stop: str | None,
    prefix: str | None,
    limit: int | None,
    reverse: bool,
    as_json: bool,
    keys_only: bool,
    source: Any,
    max_lag: float | None,
) -> None:
    """Print rows in key order: key, a tab, and the value as JSON.

    \b
    Examples:
      plait scan films --prefix f --limit 10
      plait scan films --start f2 --stop f9 --reverse
      plait scan films --json | jq .value.year
    """

    async def work(store: Store) -> None:
        handle = await store.table(table)
        rows = handle.scan(
            start, stop, prefix=prefix, limit=limit, reverse=reverse, read=source, max_lag=max_lag
        )
        async for key, value in rows:
            if as_json:
                click.echo(show_value({"key": key, "value": value}))
            else:
                click.echo(key if keys_only else f"{key}\t{show_value(value)}")

    target.run(work)


@click.command()
@click.argument("table")
@_read_options
@with_target(past=True)
def count(target: Target, table: str, source: Any, max_lag: float | None) -> None:
    """Print how many rows TABLE holds."""

    async def work(store: Store) -> int:
        handle = await store.table(table)
        return await handle.count(read=source, max_lag=max_lag)

    click.echo(target.run(work))


@click.command()
@click.argument("table")
@click.option(
    "--from",
    "start",
    metavar="CURSOR",
    help="Continue behind a change that was printed, by its cursor; default: from now on.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="End after N changes.")
@with_target()
def watch(target: Target, table: str, start: str | None, limit: int | None) -> None:
    """Print the committed changes of TABLE as they happen, one JSON object a line.

    Each line's "cursor" is what --from takes to continue behind it. A removal has "deleted", and
    the end of all rows at once "cleared", in place of a value.

    \b
    Examples:
      plait watch films
      plait watch films --from 120.1
    """

    async def work(store: Store) -> None:
        handle = await store.table(table)
        seen = 0
        async for change in handle.watch(start):
            click.echo(show_value(change_row(change)))
            sys.stdout.flush()
            seen += 1
            if seen == limit:
                return

    target.run(work)


def change_row(change: Change) -> dict[str, Any]:
    """A change of a feed, for printing."""
    row: dict[str, Any] = {} if change.cleared else {"key": change.key}
    if change.cleared or change.deleted:
        row["cleared" if change.cleared else "deleted"] = True
    else:
        row["value"] = change.value
    return row | {"version": change.version, "time_ms": change.time_ms, "cursor": change.cursor}
