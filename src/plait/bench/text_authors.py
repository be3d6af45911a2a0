"""The updates of a concurrent trace, made by replicas that each did what one author did.

An author's next transaction is made by a replica of that author that has seen nothing else than its
parents; what it has not seen of them it is told first. An author who was at two places at once (a
trace may say so) has a replica for each, with an identity of its own.
"""

from collections.abc import Sequence
from heapq import heappop, heappush

import msgspec

from plait.bench.text_offsets import in_bytes
from plait.bench.text_systems import BYTES, System, Text
from plait.bench.text_traces import Trace, Transaction

_IDENTITIES = 1 << 20  # between the identities of one author's replicas; authors are fewer
_READER = _IDENTITIES - 1
_NOTHING = -1
_WANTED, _SEEN = 1, 2


class Authored(msgspec.Struct, frozen=True):
    """What a library makes of a concurrent trace."""

    updates: list[bytes]  # one a transaction, in the trace's order
    whole: bytes  # one update of everything
    text: str  # as this library orders what was typed at one place at once


class _Replica(msgspec.Struct):
    text: Text
    tip: int  # its last transaction; it has seen that, what came before, and nothing else


def author(library: System, trace: Trace) -> Authored:
    """Let everybody write; RuntimeError if the replicas differ in the end."""
    parents = [one.parents for one in trace.transactions]
    convert = library.units == BYTES and not trace.ascii()
    replicas: dict[int, list[_Replica]] = {}
    updates: list[bytes] = []
    for number, one in enumerate(trace.transactions):
        mine = replicas.setdefault(one.agent, [])
        replica, news = _who(library, mine, parents, one)
        for index in news:
            replica.text.hear(updates[index])
        patches = in_bytes(one.patches, replica.text.text()) if convert else one.patches
        updates.append(replica.text.say(patches))
        replica.tip = number
    reader = library.new(_READER)
    for update in updates:
        reader.hear(update)
    text = reader.text()
    heads = sorted(set(range(len(parents))).difference(*parents))
    for replica in (one for mine in replicas.values() for one in mine):
        for index in unseen(parents, heads, replica.tip) or []:
            replica.text.hear(updates[index])
        if replica.text.text() != text:
            raise RuntimeError(f"the replicas of {library.name} differ in the end")
    return Authored(updates, reader.untold(), text)


def _who(
    library: System, mine: list[_Replica], parents: Sequence[Sequence[int]], one: Transaction
) -> tuple[_Replica, list[int]]:
    """The replica that makes a transaction, and what it is to be told before."""
    for replica in reversed(mine):
        news = unseen(parents, one.parents, replica.tip)
        if news is not None:
            return replica, news
    identity = one.agent + len(mine) * _IDENTITIES
    mine.append(_Replica(library.new(identity), _NOTHING))
    return mine[-1], unseen(parents, one.parents, _NOTHING) or []


def unseen(parents: Sequence[Sequence[int]], wanted: Sequence[int], tip: int) -> list[int] | None:
    """What a replica at `tip` is to be told to be at `wanted`, in order.

    parents: of every transaction. tip: -1 for a replica that has seen nothing. None is the answer
    if the replica has seen something that is not to be seen there.
    """
    if len(wanted) == 1 and wanted[0] == tip:
        return []
    flags = dict.fromkeys(wanted, _WANTED)
    if tip != _NOTHING:
        flags[tip] = flags.get(tip, 0) | _SEEN
    heap = [-index for index in flags]
    heap.sort()
    single = sum(flag != _WANTED | _SEEN for flag in flags.values())  # of the heap's
    found = []
    while single:
        index = -heappop(heap)
        flag = flags.pop(index)
        if flag == _SEEN:
            return None
        if flag == _WANTED:
            single -= 1
            found.append(index)
        for parent in parents[index]:
            before = flags.get(parent)
            if before is None:
                heappush(heap, -parent)
                flags[parent] = flag
                single += flag == _WANTED
            elif before != before | flag:
                flags[parent] = before | flag
                single -= 1
    return found[::-1]
