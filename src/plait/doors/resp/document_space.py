"""A database on documents: every node writes at once, and what they wrote is merged by its kind.

The jobs of one pass of the loop are done on the keyspace in memory and flushed as one change; only
then are they answered. A reply means that this node has it; its log has it with the next group
commit, and the others when they hear of it.

Absent: what needs one order of all commands: popping (an element would be popped once at each
node), and WATCH. They are refused.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from plait.api.documents import Documents
from plait.base.errors import BadKey
from plait.doors.resp.batches import EXEC, TooLong, decode_transaction, refused_command, run
from plait.doors.resp.commands import TABLE
from plait.doors.resp.commands.table import ONE_KEY, Arguments, Command, find
from plait.doors.resp.document_keyspace import DocumentKeyspace
from plait.doors.resp.redis_key import RedisKey, bytes_of
from plait.doors.resp.replies import Complaint, encode
from plait.doors.resp.replies import Failed as Failed
from plait.doors.resp.settings import EVENTUAL
from plait.doors.resp.space import Job, error_text, refuse

REPLY_BYTES: Final = 64 << 20
REFUSED: Final = frozenset(
    ("lpop", "rpop", "lmove", "rpoplpush", "lmpop", "zpopmin", "zpopmax", "zmpop", "spop")
)
WHY: Final = (
    "is not possible on an eventual database, where nothing can be taken exactly once: use a "
    "database with a leader, or a consensus one (SELECT, or a key's prefix)"
)
_OF_ALL: Final = frozenset(("keys", "scan", "dbsize", "randomkey", "flushdb"))
_OF_ONE: Final = frozenset(  # as they are written; they need their key and nothing else
    name
    for name, one in TABLE.items()
    if one.places == ONE_KEY and not one.counted_at and one.name not in REFUSED | _OF_ALL
)


class DocumentSpace:
    """Implements `plait.doors.resp.space.Space`."""

    kind = EVENTUAL

    def __init__(self, documents: Documents[RedisKey], wall_ms: Callable[[], int]) -> None:
        self._keyspace = DocumentKeyspace(documents)
        self._keyspace.refuses, self._keyspace.why = REFUSED, WHY
        self._wall_ms = wall_ms
        self._loop = asyncio.get_running_loop()
        self._jobs: list[Job] = []
        self._together = False  # something of this pass takes effect as a whole or not at all
        self._stop = documents.on_change(self._changed)

    def _changed(self, name: str, own: bool) -> None:
        if not own:
            self._keyspace.forget(bytes_of(name))

    def serve(self, job: Job) -> None:
        """See `Space`."""
        if not self._jobs:
            self._loop.call_soon(self._tick)
        self._jobs.append(job)

    def _tick(self) -> None:
        jobs, self._jobs = self._jobs, []
        keyspace = self._keyspace
        done: list[tuple[Job, bytes, int]] = []
        failure: Exception | None = None
        self._together = False
        try:
            keyspace.sweep(self._wall_ms())
            known = keyspace.known
            for job in jobs:
                commands = [
                    args
                    if args[0] in _OF_ONE and len(args) > 1 and args[1] in known
                    else self._ready(args) or args
                    for args in job.commands
                ]
                try:
                    ((data, count),) = run(keyspace, [(job.protocol, commands)], REPLY_BYTES)
                except TooLong as error:
                    data, count = encode(Failed(str(error)), job.protocol), len(commands)
                    data *= count
                done.append((job, data, count))
            if keyspace.dirty:
                keyspace.flush(self._together)
        except Exception as error:
            keyspace.forget_all()
            failure = error
        if failure is None:
            for job, data, count in done:
                job.reply(data, count)
        else:
            for job in jobs:
                refuse(job, failure)

    def _ready(self, args: Arguments) -> Arguments | None:
        """Have the keys that a command names in memory. What to do instead, if not just that."""
        command = TABLE.get(args[0]) or TABLE.get(args[0].upper())
        try:
            self._load(args, command)
        except BadKey as error:  # whoever is to blame fails alone
            return refused_command(error_text(error))
        if command is not None and command.name in REFUSED:
            # in mixed case it is not found at once, and then it is refused
            return [args[0].capitalize(), *args[1:]]
        return None

    def _load(self, args: Arguments, command: Command | None) -> None:
        if command is None:
            if args[0] == EXEC:
                self._together = True
                for one in decode_transaction(args).commands:
                    self._load(one, find(one[0]))
        elif command.places == ONE_KEY and not command.counted_at:
            if len(args) > 1:
                self._keyspace.load(args[1])
        elif command.name in _OF_ALL:
            self._together = True
            self._keyspace.load_all()
        else:
            self._together = True
            for key in command.keys(args):
                self._keyspace.load(key)

    async def watch(self, keys: list[bytes]) -> int:
        """Refused: what is watched here could be changed elsewhere, unseen."""
        raise Complaint(
            "ERR WATCH is not possible on an eventual database: other nodes change it at the same "
            "time; MULTI without WATCH is one change, and counters and sets merge"
        )

    async def acknowledged(self, replicas: int, timeout_s: float) -> int:
        """Nobody is waited for here."""
        return 0

    async def close(self) -> None:
        """See `Space`."""
        self._stop()
