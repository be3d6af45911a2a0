"""The machine behind a database on a line: a keyspace, and batches of Redis commands as its log.

Every replica runs the same commands in the same order, so what Redis does atomically is atomic
here, and MULTI, lists and counters need no retries. Time is the log's: a key expires at a position
of the line, at every replica alike; who reads hides what has expired since by the reader's clock.

Absent: databases of documents (`plait.doors.resp.documents`).
"""

from random import Random
from typing import Any, ClassVar, Final

from plait.doors.resp.batches import run_encoded
from plait.doors.resp.keyspace import Hash, Keyspace, List, Set, SortedSet
from plait.types.state_machine import StateMachine, command, query

RETURN_BYTES: Final = 900_000  # of replies to one batch; a command of a machine returns 1 MiB
LOOK_BYTES: Final = 12 << 20

_CHANCE: Final = Random()  # for reads, which one replica answers

_KINDS: Final[tuple[type, ...]] = (bytes, Hash, Set, List, SortedSet)


class RedisDatabase(StateMachine):
    """One database."""

    version: ClassVar[int] = 1
    machine_name: ClassVar[str] = "plait.redis"

    def __init__(self) -> None:
        self.keyspace = Keyspace()

    @command
    def run(self, batch: bytes) -> bytes:
        """Do groups of commands; the replies. See `plait.doors.resp.batches`."""
        keyspace, context = self.keyspace, self.context
        keyspace.chance = lambda: context.random
        keyspace.sweep(context.now_ms)
        return run_encoded(keyspace, batch, RETURN_BYTES)

    @query
    def look(self, batch: bytes, now_ms: int) -> bytes:
        """Do groups of commands that only read, as it is `now_ms` where they are read."""
        keyspace = self.keyspace
        keyspace.chance = lambda: _CHANCE
        keyspace.now_ms = max(self.context.now_ms, now_ms)
        return run_encoded(keyspace, batch, LOOK_BYTES)

    def snapshot(self) -> Any:
        """Kind and content of every key, deadlines, and what transactions watch."""
        keyspace = self.keyspace
        data = [
            (key, _KINDS.index(type(value)), _content(value))
            for key, value in keyspace.data.items()
        ]
        expires = list(keyspace.expires.items())
        return [data, expires, keyspace.writes, list(keyspace.watched.items())]

    def restore(self, state: Any) -> None:
        """Take it back."""
        data, expires, writes, watched = state
        keyspace = self.keyspace
        for key, kind, content in data:
            keyspace.data[key] = content if kind == 0 else _made(_KINDS[kind], content)
        keyspace.expires = dict(expires)
        keyspace.rebuild_deadlines()
        keyspace.writes = writes
        keyspace.watched = dict(watched)


def _content(value: Any) -> Any:
    if type(value) is bytes:
        return value
    if isinstance(value, Hash | SortedSet):
        return list(value.items())
    return list(value)


def _made(kind: type, content: list[Any]) -> Any:
    if kind is Set:
        return Set.fromkeys(content)
    return kind([tuple(pair) for pair in content] if kind in (Hash, SortedSet) else content)
