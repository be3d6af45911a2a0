"""Paths of requests, below wherever the app that asks is mounted."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

Scope = MutableMapping[str, Any]


def local_path(scope: Scope) -> str:
    """The decoded path below wherever this app is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    below = path[len(root) :] if root and path.startswith(root) else path
    return below or "/"


def raw_path(scope: Scope) -> str:
    """The same as it was sent, percent-encoded, so that a key may hold a slash."""
    raw = scope.get("raw_path")
    if raw is None:
        return quote(local_path(scope))
    path = bytes(raw).partition(b"?")[0].decode("latin-1")
    root = str(scope.get("root_path", ""))
    if root and str(scope["path"]).startswith(root):
        path = "/" + "/".join(path.split("/")[root.count("/") + 1 :])
    return path


def query_of(scope: Scope) -> str:
    """What stands behind the path, with its question mark; empty if nothing does."""
    query = bytes(scope.get("query_string", b"")).decode("latin-1")
    return f"?{query}" if query else ""
