"""Plait without ``await``, for scripts, notebooks and threads.

The names are those of `plait`, and mean the same::

    import plait.blocking

    with plait.blocking.open("data") as store:
        films = store.table("films", plait.Leader())
        films.put("f1", {"title": "Blockbuster"})
        with films.transaction() as t:
            t["f2"] = t.get("f1")
        print(dict(films.scan()))

A store runs on an event loop in a thread of its own (`plait.host.portal`); any number of threads
may use it and what it gives, each call waiting for its answer. Without ``with``, call `close`.
"""

from collections.abc import Iterable
from os import PathLike
from typing import Any

from plait import entry
from plait.blocking.consumer import Consumer
from plait.blocking.machine import Machine
from plait.blocking.session import Session
from plait.blocking.store import Store
from plait.blocking.table import Table, deliver
from plait.blocking.transaction import Transaction, TransactionTable
from plait.blocking.watch import Watch
from plait.host.loop import run
from plait.host.portal import Portal
from plait.types.state_machine import StateMachine

__all__ = [
    "Consumer",
    "Machine",
    "Session",
    "Store",
    "Table",
    "Transaction",
    "TransactionTable",
    "Watch",
    "connect",
    "deliver",
    "open",
    "restore",
]


def open(
    path: str | PathLike[str],
    *,
    machines: Iterable[type[StateMachine]] = (),
    history: str | None = None,
    archive: str | PathLike[str] | None = None,
) -> Store:
    """Open the store in folder `path` (made if absent), in this process, without a server.

    machines: classes of the state machines in it; `Store.machine` registers its class too.
    history, archive: how far back `Store.at` is to reach, and where that is kept: see `plait.open`.
    One process at a time: `FolderInUse` says who has it. Raises `StorageError`s.
    """
    return Store(
        Portal(
            lambda: entry.open(path, machines=machines, history=history, archive=archive), "plait"
        )
    )


def connect(url: str, **options: Any) -> Store:
    """Connect to a cluster: ``plait://host:7401,host:7402``. Any of its nodes will do.

    options: see `plait.client.backend.connect`. Raises `Unavailable` if no node answers.
    """
    return Store(Portal(lambda: entry.connect(url, **options), "plait"))


def restore(
    backup: str | PathLike[str],
    path: str | PathLike[str],
    *,
    at: str = "latest",
    name: str = "n1",
) -> dict[str, Any]:
    """Make the folder `path` from a folder of backups: see `plait.restore`."""
    return run(entry.restore(backup, path, at=at, name=name))
