"""Which type a tag names: the only place that knows them all.

Every node folds every object, so a tag means the same everywhere. Types of users are registered by
their process, under tags that begin with ``u.``; until they are, `plait.types.opaque` keeps what
arrives for them.

Invariant: one instance a tag, for as long as the process runs.

Absent: ``o``, maps and nested documents, which have no state of their own.
"""

import re
from typing import Any

from plait.base.errors import BadSettings
from plait.types.add_wins_set import AddWinsSet
from plait.types.bounded_counter import BoundedCounter
from plait.types.counter import Counter
from plait.types.disable_flag import DisableFlag
from plait.types.enable_flag import EnableFlag
from plait.types.graph_type import GraphType
from plait.types.grow_counter import GrowCounter
from plait.types.grow_set import GrowSet
from plait.types.lists.type import LIST
from plait.types.opaque import Opaque
from plait.types.register import ASK, LAST_WRITER_WINS, MERGE
from plait.types.remove_wins_set import RemoveWinsSet
from plait.types.text.type import TEXT
from plait.types.tree import TREE
from plait.types.two_phase_set import TwoPhaseSet

USER_TAG = re.compile(r"u\.[A-Za-z0-9._]{1,120}")

_OURS: tuple[GraphType[Any], ...] = (
    GrowCounter(), Counter(), BoundedCounter(),
    LAST_WRITER_WINS, MERGE, ASK,
    EnableFlag(), DisableFlag(),
    GrowSet(), TwoPhaseSet(), AddWinsSet(), RemoveWinsSet(),
    TREE,
    TEXT, LIST,
)  # fmt: skip

_types: dict[str, GraphType[Any]] = {type_.tag: type_ for type_ in _OURS}


def type_of(tag: str) -> GraphType[Any]:
    """The type with this tag; an `Opaque` one if nobody knows it."""
    found = _types.get(tag)
    return Opaque(tag) if found is None else found


def register(type_: GraphType[Any]) -> None:
    """Make a user's type known to this process.

    `BadSettings` for a tag that does not begin with ``u.``, or that another class, or the same one
    with other settings, has already.
    """
    tag = getattr(type_, "tag", None)
    if not isinstance(type_, GraphType):
        raise BadSettings(f"{type_!r} is no instance of a graph type")
    if not isinstance(tag, str) or not USER_TAG.fullmatch(tag):
        raise BadSettings(f"{tag!r} is no tag of a user's type: u. and letters, digits, . and _")
    known = _types.setdefault(tag, type_)
    if type(known) is not type(type_):
        raise BadSettings(f"{tag!r} already is {type(known).__qualname__}")
    if vars(known) != vars(type_):
        raise BadSettings(f"{tag!r} is registered with other settings: {vars(known)!r}")
