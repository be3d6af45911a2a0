"""Documents with a field of every kind, for anomalies that others have met."""

from typing import Any

from plait.api.documents import (
    AddWinsSet,
    Ask,
    BoundedCounter,
    Counter,
    DisableFlag,
    Document,
    EnableFlag,
    Map,
    Merge,
    Register,
    RemoveWinsSet,
    Tree,
    TwoPhaseSet,
)


def loud(base: Any, siblings: Any) -> str:
    return "+".join(siblings).upper()


def quiet(base: Any, siblings: Any) -> str:
    return "+".join(siblings).lower()


class Thing(Document):
    title = Register(str)
    when = Register(str, resolve=Ask())
    text = Register(str, resolve=Merge(loud))
    count = Counter()
    stock = BoundedCounter()
    added = AddWinsSet(str)
    removed = RemoveWinsSet(str)
    once = TwoPhaseSet(str)
    on = EnableFlag()
    off = DisableFlag()
    tree = Tree(str)
    rows = Map(Counter())
    names = Map(Register(str))


class Murmur(Document):
    text = Register(str, resolve=Merge(quiet))


Pair = tuple[Any, Any]
