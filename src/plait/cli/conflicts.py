"""`plait conflicts`: what waits for a person's decision, and deciding it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from plait.api.documents import Conflict, Documents, Sibling
from plait.api.store import Store
from plait.base.errors import BadValue, NoSuchCollection, Refused
from plait.cli.conflict_editor import check_json, edited
from plait.cli.conflict_page import conflict_page, listing
from plait.cli.connecting import Target, with_target
from plait.cli.display import console
from plait.cli.exits import NoSuchConflict
from plait.cli.values import parse_value, print_json, show_value

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def conflicts() -> None:
    """What people wrote into one field at the same time, and nobody has decided: list, show,
    resolve.

    A field that asks (`resolve=Ask()`) has a conflict when two values were written at the same
    time; one with a merge function when that failed, or was not the same everywhere. Meanwhile
    every replica shows the newest. No document classes are needed here.
    """


@conflicts.command("list")
@click.argument("collection", required=False)
@_json
@with_target()
def list_(target: Target, collection: str | None, as_json: bool) -> None:
    """List the conflicts of every collection of documents, or of COLLECTION.

    Looks through all documents; with --url they are fetched first.
    """

    async def work(store: Store) -> list[Conflict]:
        return await store.conflicts(collection)

    found = target.run(work)
    if as_json:
        print_json([data_of(conflict) for conflict in found])
    elif not found:
        click.echo("no conflicts", err=True)
    else:
        page = console()
        page.print(listing(found, page.width))


@conflicts.command()
@click.argument("collection")
@click.argument("key")
@click.argument("field")
@_json
@with_target()
def show(target: Target, collection: str, key: str, field: str, as_json: bool) -> None:
    """Show a conflict: what it is based on, and every value with who wrote it and when.

    What differs from the base is marked; long texts are shown as differences from it. The number
    of a value is what `resolve --pick` takes.

    \b
    Example:
      plait conflicts show calendar standup starts
    """

    async def work(store: Store) -> Conflict:
        return _the_one(await store.conflicts(collection), key, field)

    conflict = target.run(work)
    if as_json:
        print_json(data_of(conflict))
    else:
        page = console()
        page.print(conflict_page(conflict, ours_of(conflict), page.width))


@conflicts.command()
@click.argument("collection")
@click.argument("key")
@click.argument("field")
@click.option("--ours", is_flag=True,
              help="Take what was written here, by this node or its person; if nothing was (over "
              "--url nothing ever is), what is shown.")  # fmt: skip
@click.option("--theirs", is_flag=True, help="Take the other value, if there is only one other.")
@click.option("--pick", type=click.IntRange(min=1), metavar="N", help="Take value N of `show`.")
@click.option("--value", metavar="JSON", help="Take this value: JSON, or text if it is no JSON.")
@click.option("--edit", is_flag=True, help="Write the value in $VISUAL or $EDITOR.")
@_json
@with_target()
def resolve(
    target: Target, collection: str, key: str, field: str, ours: bool, theirs: bool,
    pick: int | None, value: str | None, edit: bool, as_json: bool,
) -> None:  # fmt: skip
    """Decide a conflict: the value replaces all that were written, at every replica.

    Returns when that is on disk. Exit code 4, and nothing happened, if somebody decided or wrote
    another value meanwhile. --edit opens a file with all the values; it ends with code 1, and
    nothing happened, if the file is left empty or as it was.

    \b
    Examples:
      plait conflicts resolve calendar standup starts --ours
      plait conflicts resolve calendar standup starts --value '"2026-03-02T09:30"'
      plait conflicts resolve notes n1 body --edit
    """
    if sum((ours, theirs, pick is not None, value is not None, edit)) != 1:
        raise click.UsageError("give one of --ours, --theirs, --pick, --value and --edit")

    async def work(store: Store) -> Any:
        docs = await _documents(store, collection)
        conflict = _the_one(docs.conflicts(), key, field)
        if edit:
            # in a thread: this replica goes on hearing from the others while a person writes
            chosen = await asyncio.to_thread(edited, conflict, ours_of(conflict))
        elif value is not None:
            check_json(conflict)
            chosen = parse_value(value)
        else:
            chosen = _chosen(conflict, ours, pick).value
        conflict.resolve(chosen)
        await docs.flush()
        return chosen

    chosen = target.run(work)
    if as_json:
        print_json({"collection": collection, "key": key, "field": field, "value": chosen})
    else:
        click.echo(f"{collection} {key} {field} = {show_value(chosen)}", err=True)


async def _documents(store: Store, collection: str) -> Documents[Any]:
    """The collection as it is; asking for one that is not there must not make it."""
    for info in await store.collections():
        if info.name == collection:
            return await store.documents(collection, None, info.settings)
    raise NoSuchCollection(f"there are no documents {collection!r}")


def _the_one(found: Sequence[Conflict], key: str, field: str) -> Conflict:
    here = [conflict for conflict in found if conflict.key == key]
    named = [conflict for conflict in here if conflict.field == field]
    if not named:
        others = ", ".join(conflict.field for conflict in here)
        there = f"; there are at {others}" if others else ""
        raise NoSuchConflict(f"there is no conflict at {field!r} of {key!r}{there}")
    if len(named) > 1:
        raise Refused(
            f"{key!r} has two fields {field!r}, of different types, and both have a conflict; "
            "resolve them in Python, with docs.conflicts()"
        )
    return named[0]


def ours_of(conflict: Conflict) -> Sibling:
    """The newest value that was written here, or else the one that is shown."""
    own = [version for version in conflict.versions if version.own]
    return (own or list(conflict.versions))[-1]


def _chosen(conflict: Conflict, ours: bool, pick: int | None) -> Sibling:
    versions = conflict.versions
    if pick is not None:
        if pick > len(versions):
            raise BadValue(f"--pick {pick}: there are {len(versions)} values")
        return versions[pick - 1]
    mine = ours_of(conflict)
    if ours:
        if not mine.own:
            click.echo(f"nothing was written here: taking what is shown, by {mine.who}", err=True)
        return mine
    others = [version for version in versions if version is not mine]
    if len(others) > 1:
        raise BadValue(f"--theirs: there are {len(others)} other values; take one with --pick")
    return others[0]


def data_of(conflict: Conflict) -> dict[str, Any]:
    """A conflict as JSON has it; times are ISO 8601 in UTC."""
    mine = ours_of(conflict)
    return {
        "collection": conflict.collection,
        "key": conflict.key,
        "field": conflict.field,
        "kind": conflict.kind,
        "since": conflict.since,
        "base": conflict.base,
        "shown": conflict.shown,
        "siblings": [
            {"value": one.value, "who": one.who, "when": one.when, "ours": one is mine}
            for one in conflict.versions
        ],
    }
