"""The ways in: a folder in this process, a cluster over the network, a folder from a backup.

What brings a node (`folders`) is imported when it is asked for: whoever connects needs none, and
starts in half the time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from plait.entry.network import connect

if TYPE_CHECKING:
    from plait.entry.folders import branch, drop_branch, open, past, restore

__all__ = ["branch", "connect", "drop_branch", "open", "past", "restore"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'plait.entry' has no attribute {name!r}")
    return getattr(import_module("plait.entry.folders"), name)
