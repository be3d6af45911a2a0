"""Opening and dropping a replica."""

from plait.base.ids import random_id
from plait.base.ports import Clock, PutHardState, Random, ResetLine, Storage
from plait.engines.graph.identity import Hard, encode_hard, load_hard, why_fresh
from plait.engines.graph.options import GraphOptions, line_of
from plait.engines.graph.parts import open_parts
from plait.engines.graph.replica import Replica


async def open_replica(
    options: GraphOptions, storage: Storage, clock: Clock, random: Random
) -> Replica:
    """This process's replica, as it was when it was last closed or killed. Raises `Corrupt`."""
    known = load_hard(storage.log, options.line)
    parts, position, why = await open_parts(options, storage, random)
    tail = storage.log.lines()[options.line].tail if known is not None else 0
    replica = Replica(parts, position, storage, clock, random)
    if known is not None:
        why = why or why_fresh(known, options.fingerprint, tail, parts.position)
    if position > tail:
        replica.journal.begin_at(position, encode_hard(parts.hard))
    if known is None:
        replica.journal.put_hard_state(encode_hard(parts.hard))
        replica.journal.close_row()
    else:
        parts.scope.opening = random_id(random)
    if known is not None and why is not None:
        replica.restart(why)
    return replica


async def drop_replica(storage: Storage, name: str, lineage: str) -> None:
    """Forget a collection for good."""
    line = line_of(name, lineage)
    await storage.drop_state(line)
    extent = storage.log.lines().get(line)
    if extent is not None:
        storage.log.submit((ResetLine(line, extent.tail),), lambda _: None)


async def forget_replica(storage: Storage, name: str, lineage: str) -> None:
    """Forget what was kept of a collection whose replica here has left; another may come later."""
    line = line_of(name, lineage)
    await storage.drop_state(line)
    left = encode_hard(Hard(lineage, 0, "", left=True))
    storage.log.submit((ResetLine(line, 0), PutHardState(line, left)), lambda _: None)
