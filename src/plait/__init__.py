"""Plait: a replicated data store for Python. See README.md for a tour.

``plait.open(folder)`` is a store in this process, ``plait.connect(url)`` one on a cluster;
`plait.blocking` has the same names without ``await``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from plait import merge
from plait.api.consumer import Consumer
from plait.api.documents import (
    AddWinsSet,
    Ask,
    BoundedCounter,
    Counter,
    Custom,
    DisableFlag,
    Document,
    Documents,
    EnableFlag,
    GrowCounter,
    GrowSet,
    Json,
    LastWriterWins,
    List,
    Map,
    Merge,
    Nested,
    RefusedEdit,
    Register,
    RemoveWinsSet,
    Text,
    Tree,
    TwoPhaseSet,
)
from plait.api.machine import Machine
from plait.api.port import Receipt
from plait.api.session import Session
from plait.api.settings import Consensus, Eventual, Leader
from plait.api.store import Store
from plait.api.table import Table, TableRow
from plait.api.transaction import Transaction
from plait.api.values import ABSENT, UNKNOWN
from plait.api.watch import Batch, Change, Watch
from plait.base import errors
from plait.base.errors import CommandFailed, Conflict, PlaitError
from plait.entry import connect
from plait.host.tls import Tls
from plait.types.state_machine import Reject, StateMachine, command, query

if TYPE_CHECKING:
    from plait.entry import branch, drop_branch, open, past, restore

__version__ = "0.3.0"

__all__ = [
    "ABSENT",
    "UNKNOWN",
    "AddWinsSet",
    "Ask",
    "Batch",
    "BoundedCounter",
    "Change",
    "CommandFailed",
    "Conflict",
    "Consensus",
    "Consumer",
    "Counter",
    "Custom",
    "DisableFlag",
    "Document",
    "Documents",
    "EnableFlag",
    "Eventual",
    "GrowCounter",
    "GrowSet",
    "Json",
    "LastWriterWins",
    "Leader",
    "List",
    "Machine",
    "Map",
    "Merge",
    "Nested",
    "PlaitError",
    "Receipt",
    "RefusedEdit",
    "Register",
    "Reject",
    "RemoveWinsSet",
    "Session",
    "StateMachine",
    "Store",
    "Table",
    "TableRow",
    "Text",
    "Tls",
    "Transaction",
    "Tree",
    "TwoPhaseSet",
    "Watch",
    "branch",
    "command",
    "connect",
    "drop_branch",
    "errors",
    "merge",
    "open",
    "past",
    "query",
    "restore",
]


def __getattr__(name: str) -> Any:
    """What is imported when it is asked for: what brings a node, and `asgi`, which needs
    ``pip install plait[web]``."""
    if name in ("branch", "drop_branch", "open", "past", "restore"):
        return getattr(import_module("plait.entry"), name)
    if name == "asgi":
        return import_module("plait.doors.http").asgi
    raise AttributeError(f"module 'plait' has no attribute {name!r}")
