"""What a mutation needs before its type can say what to tell everybody.

The object may not be there yet (its path and its place are checked then), its document may be
deleted (it begins anew then, with a CLEAR), and a deletion may have been carried out here that
others only know as a marker (a CLEAR goes first then too, for their sake).
"""

from typing import Any, NamedTuple

from plait.base.codec import encode_key
from plait.base.errors import BadCall
from plait.graph.event import CLEAR, Event, Op
from plait.types.graph_type import GraphType, Here
from plait.types.held_documents import HeldDocuments
from plait.types.nesting import CHILDREN_MAX, check_path
from plait.types.opaque import Opaque, realise
from plait.types.paths import Path, tag_of
from plait.types.shelved_document import ShelvedDocument, ShelvedObject

OBJECTS_MAX = 1_000_000  # of one document


class Ground(NamedTuple):
    """What an operation is prepared on."""

    type: GraphType[Any]
    state: Any  # after the clear; not to be changed
    clear: Op | None  # goes before the operation


def ground(held: HeldDocuments, key: str, path: Path, here: Here) -> Ground:
    """What to prepare an operation on; raises `BadKey` and `BadCall`."""
    encode_key(key)
    document = held.get(key)
    object_ = None if document is None else document.objects.get(path)
    if object_ is None:
        check_path(path)
        if document is not None:
            _check_room(document, path)
        type_ = held.type_of(tag_of(path[-1]))
        state = type_.zero()
    else:
        if object_.opaque:
            learn(held, object_)
        type_, state = object_.type, object_.state
    clear = None
    if document is not None and document.hidden():
        clear = clear_op(document, (), here)
        if object_ is not None:
            state = _cleared(object_, path, clear, here).state
    elif held.meta.forgot and (document is None or not document.there()):
        # others may hold, hidden, what was folded here: see plait.types.hiding
        clear = Op(key, (), None, CLEAR)
    return Ground(type_, state, clear)


def clear_op(document: ShelvedDocument, path: Path, here: Here) -> Op:
    """A CLEAR of everything at and below a path, with what types have to say beside it."""
    return Op(document.key, path, document.clearing(path, here), CLEAR)


def learn(held: HeldDocuments, object_: ShelvedObject) -> None:
    """The type of an object may have been registered since it was loaded."""
    assert isinstance(object_.type, Opaque)
    type_ = held.type_of(object_.type.unknown)
    if held.draft is None and not isinstance(type_, Opaque):
        object_.become(type_, realise(type_, object_.state))


def _cleared(object_: ShelvedObject, path: Path, clear: Op, here: Here) -> ShelvedObject:
    """A copy of the object as it is after the clear."""
    event = Event(here.replica, here.context.get(here.replica, 0) + 1, 0, here.context)
    object_ = object_.copy()
    for said_to, said in clear.body or ():
        if said_to == path:
            object_.say_clearing(said, event)
    object_.clear(event, wipes=True)
    return object_


def _check_room(document: ShelvedDocument, path: Path) -> None:
    if len(document.objects) >= OBJECTS_MAX:
        raise BadCall(f"a document has at most {OBJECTS_MAX} objects")
    for depth in range(len(path)):
        children = document.nesting.components.get(path[:depth], ())
        if len(children) >= CHILDREN_MAX and path[depth] not in children:
            raise BadCall(f"an object has at most {CHILDREN_MAX} children")
