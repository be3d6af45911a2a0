"""Identifiers: who is who.

A *node name* is chosen by people and unique in a cluster; names are never reused for another
disk (a wiped folder comes back with a new *instance* and has no vote until it has caught up).
A *cluster id* keeps the lines of two clusters apart.
"""

import re

from plait.base.errors import BadSettings
from plait.base.ports import Random

_NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
_ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
_COLLECTION_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")


def node_name(text: str) -> str:
    """`text` if it is a legal node name; else `BadSettings`."""
    if not isinstance(text, str) or not _NODE_NAME.match(text):
        raise BadSettings(f"node name {text!r} is not 1-63 letters, digits, '_', '.' or '-'")
    return text


def zone_name(text: str) -> str:
    """`text` if it is a legal name of a zone; else `BadSettings`."""
    if not isinstance(text, str) or not _ZONE.match(text):
        raise BadSettings(f"zone {text!r} is not 1-63 letters, digits, '_', '.' or '-'")
    return text


def collection_name(text: str) -> str:
    """`text` if it is a legal collection name (1–128 characters); else `BadSettings`."""
    if not isinstance(text, str) or not _COLLECTION_NAME.match(text):
        raise BadSettings(f"collection name {text!r} is not 1-128 letters, digits, '_', '.' or '-'")
    return text


def random_id(random: Random) -> int:
    """A fresh non-zero 63-bit id (MessagePack and SQLite carry it as a plain integer)."""
    return random.getrandbits(63) or 1


def hex_id(random: Random) -> str:
    """A fresh 128-bit id as 32 hexadecimal digits."""
    return f"{random.getrandbits(128):032x}"
