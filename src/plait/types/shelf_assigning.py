"""Assigning one register of many documents in one go.

::

    plan       reads, checks, raises; changes nothing that anybody can see
    carry_out  everything takes effect; reads nothing, raises nothing

Documents that are nothing but this register stay as small as that (`lone_registers`); the others
are written as ever.

Absent: what observers are told (whoever has some writes one by one), and taking it back.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from plait.base.codec import encode_key
from plait.graph.event import CLEAR, Event, Op
from plait.types.graph_type import Here
from plait.types.held_documents import HeldDocuments
from plait.types.last_writer_wins import LastWriterWins
from plait.types.paths import Path, tag_of
from plait.types.plain import taken
from plait.types.preparing import ground


class Assignment(NamedTuple):
    """What one document will be told."""

    ops: tuple[Op, ...]
    is_lone: bool  # it is nothing but this register, before and after
    is_new: bool  # nothing is known of it


def plan(
    held: HeldDocuments, path: Path, values: Mapping[str, Any], here: Here
) -> list[Assignment] | None:
    """What assigning these values by key comes to; None where it has to be done one by one.

    Raises `BadKey`, `BadValue`, `BadCall` and what reading documents does.
    """
    if len(path) != 1 or type(held.type_of(tag_of(path[0]))) is not LastWriterWins:
        return None
    lone, documents, forgot = held.lone, held.documents, held.meta.forgot
    known = lone.entries
    new = tuple.__new__  # half the cost of Assignment(...)
    planned: list[Assignment] = []
    for key, value in values.items():
        op = Op(key, path, [taken(value)])
        entry = known.get(key)
        if entry is not None and entry[0] == path:
            planned.append(new(Assignment, ((op,), True, False)))
            continue
        if entry is None and key not in documents:
            encode_key(key)
            found = lone.look(key, path)
            if found is None:  # others may hold, hidden, what was folded here: see `preparing`
                ops = (Op(key, (), None, CLEAR), op) if forgot else (op,)
                planned.append(Assignment(ops, True, True))
                continue
            if found:
                planned.append(Assignment((op,), True, False))
                continue
        clear = ground(held, key, path, here).clear
        planned.append(Assignment((op,) if clear is None else (clear, op), False, False))
    return planned


def carry_out(
    held: HeldDocuments,
    planned: list[Assignment],
    first: Event,
    apply: Callable[[Op, Event], None],
) -> list[Op]:
    """Let it take effect, from the event `first` on; the operations, one event each.

    The vector covers all of these events already.
    """
    replica, seq, hlc = first.replica, first.seq, first.hlc
    entries, dirty = held.lone.entries, held.lone.dirty
    done: list[Op] = []
    for ops, is_lone, is_new in planned:
        if is_lone:
            seq += len(ops)
            op = ops[-1]
            key = op.key
            entries[key] = (op.path, (replica, seq - 1), hlc, op.body[0])
            dirty[key] = None
            if is_new:
                held.made_lone(key)
        else:
            for op in ops:
                apply(op, first._replace(seq=seq))
                seq += 1
        done += ops
    held.meta.seen[replica] = seq - 1
    return done
