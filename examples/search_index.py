"""A full-text index beside a table, kept in step: every change is in it exactly once.

    python examples/search_index.py DATA INDEX.db [WORDS ...]

follows the table `films` of the store in the folder DATA (made with a few films if it is new) until
the index has everything, and prints the keys of what has the words. Run it again, or kill it: it
goes on where the index is. With `plait.connect(url)` in place of `plait.open(path)` it would follow
a cluster; without the `limit`, for ever.

The index keeps the place of what it has in its own transaction. So it needs no trust in anything
that happens between the two stores.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Sequence

import plait
from plait import Batch, Leader, Table
from plait.sinks import Mark, deliver, mark_of

GROUP = "search"


class SearchIndex:
    """A sink: the titles of films in an FTS5 table."""

    most = 1000

    def __init__(self, path: str, films: Table) -> None:
        self.films = films
        self.db = sqlite3.connect(path)
        self.db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS films USING fts5(key UNINDEXED, title)")
        self.db.execute("CREATE TABLE IF NOT EXISTS place (cursor TEXT, version INT, time_ms INT)")

    async def open(self, cursor: str) -> Mark | None:
        """What it has. If that is nothing it begins with a copy of the table, which may be a little
        further than the group; what comes again changes nothing."""
        row = self.db.execute("SELECT cursor, version, time_ms FROM place").fetchone()
        if row is not None:
            return Mark(*row)
        titles = [(key, film["title"]) async for key, film in self.films.scan()]
        with self.db:
            self.db.execute("DELETE FROM films")
            self.db.executemany("INSERT INTO films VALUES (?, ?)", titles)
        return None

    async def write(self, batches: Sequence[Batch]) -> None:
        """Take some transactions, and their place, in one of its own."""
        with self.db:
            for batch in batches:
                for change in batch.changes:
                    self._take(change)
            self.db.execute("DELETE FROM place")
            self.db.execute("INSERT INTO place VALUES (?, ?, ?)", mark_of(batches[-1]))

    def _take(self, change: plait.Change) -> None:
        if change.cleared:
            self.db.execute("DELETE FROM films")
            return
        self.db.execute("DELETE FROM films WHERE key = ?", (change.key,))
        if not change.deleted:
            row = (change.key, change.value["title"])
            self.db.execute("INSERT INTO films VALUES (?, ?)", row)

    async def close(self) -> None:
        """Let go of it."""
        self.db.close()


async def follow(films: Table, path: str, limit: int | None = None) -> int:
    """Keep the index at `path` in step with the table; for ever, or for `limit` changes."""
    return await deliver(films, GROUP, SearchIndex(path, films), limit=limit)


def search(path: str, words: str) -> list[str]:
    """The keys of the films that have the words."""
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT key FROM films(?) ORDER BY key", (words,))
        return [key for (key,) in rows]


async def main(data: str, path: str, words: str) -> None:
    """Change a few films, let the index follow, and search."""
    async with plait.open(data) as store:
        films = await store.table("films", Leader())
        following = asyncio.create_task(follow(films, path))
        await asyncio.sleep(0.5)  # it copies what there is
        async with films.transaction() as t:
            t["f1"] = {"title": "The Plait and the Rope"}
            t["f2"] = {"title": "A Rope Too Short"}
        await films.put("f2", {"title": "A Thread Too Short"})
        while search(path, "thread") != ["f2"]:
            await asyncio.sleep(0.05)
        following.cancel()
    print(search(path, words))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], " ".join(sys.argv[3:]) or "rope"))
