"""A pipeline: commands submitted in one tick of the event loop leave as one group.

::

    submit ──► queue ──(end of tick, room in flight)──► send(commands, futures)
                                                            │
              room for the next group ◄── group_done ◄── resolve / reject

Each command costs one future and no task. Groups are bounded in commands and bytes, the groups
in flight in number, the queue in bytes: while no more groups may fly, commands wait, and share
larger groups later; when the queue is full, they fail with `Busy`.

Invariant: commands leave in the order in which they were submitted, each exactly once, and every
future handed out is resolved by whoever `send` gave it to, or by `close`.

Absent: sequence numbers, retries, the network. The backends bring those.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from plait.api.messages import Applied
from plait.api.port import Receipt
from plait.base.error_codes import from_code
from plait.base.errors import BadFrame, BadValue, Busy, PlaitError
from plait.line.outcome import Run
from plait.types.commands import decode_group, encode_group

GROUP_COMMANDS_MAX = 8192
GROUP_BYTES_MAX = 1024 * 1024
GROUPS_IN_FLIGHT_MAX = 8
QUEUED_BYTES_MAX = 64 * 1024 * 1024
COMMAND_OVERHEAD_BYTES = 64  # what a queued command costs beside its own bytes, roughly

Send = Callable[[list[bytes], "list[asyncio.Future[Receipt]]"], None]


class Pipeline:
    """Coalesces one line's commands into groups and bounds what is under way."""

    def __init__(
        self,
        send: Send,
        *,
        group_commands_max: int = GROUP_COMMANDS_MAX,
        group_bytes_max: int = GROUP_BYTES_MAX,
        groups_in_flight_max: int = GROUPS_IN_FLIGHT_MAX,
        queued_bytes_max: int = QUEUED_BYTES_MAX,
    ) -> None:
        self._send = send
        self._group_commands_max = group_commands_max
        self._group_bytes_max = group_bytes_max
        self._groups_in_flight_max = groups_in_flight_max
        self._queued_bytes_max = queued_bytes_max
        self._loop = asyncio.get_running_loop()
        # One future a command, at the same index.
        self._commands: list[bytes] = []
        self._futures: list[asyncio.Future[Receipt]] = []
        self._queued_bytes = 0  # of `_commands`, with overhead
        self._in_flight = 0  # groups; <= groups_in_flight_max
        self._flush_is_due = False
        self._closed: PlaitError | None = None

    @property
    def queued(self) -> int:
        """Commands that have not left yet."""
        return len(self._commands)

    @property
    def in_flight(self) -> int:
        """Groups that left and are not done."""
        return self._in_flight

    def submit(self, command: bytes) -> "asyncio.Future[Receipt]":
        """Queue one encoded command; the future of its receipt, or of why there is none."""
        future: asyncio.Future[Receipt] = self._loop.create_future()
        if self._queued_bytes >= self._queued_bytes_max or self._closed is not None:
            future.set_exception(self._closed or Busy("too many commands wait for this line"))
            return future
        self._commands.append(command)
        self._futures.append(future)
        self._queued_bytes += len(command) + COMMAND_OVERHEAD_BYTES
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)
        return future

    def group_done(self) -> None:
        """A group was answered, one way or the other: there is room for another.

        Call it after resolving the group's futures. The flush then runs behind those whom that
        woke, in the same pass of the loop, and takes along what they submit.
        """
        assert self._in_flight > 0, "more groups done than were sent"
        self._in_flight -= 1
        if not self._flush_is_due and self._closed is None:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    def close(self, error: PlaitError) -> None:
        """Fail what is queued, and all that is submitted from now on, with `error`."""
        self._closed = error
        futures, self._futures, self._commands = self._futures, [], []
        self._queued_bytes = 0
        reject(futures, error)

    def _flush(self) -> None:
        self._flush_is_due = False
        while self._commands and self._in_flight < self._groups_in_flight_max:
            commands, futures = self._take_group()
            self._in_flight += 1
            self._send(commands, futures)

    def _take_group(self) -> tuple[list[bytes], "list[asyncio.Future[Receipt]]"]:
        """The longest front of the queue that makes a legal group; at least one command."""
        commands, futures = self._commands, self._futures
        taken_bytes = self._queued_bytes
        if len(commands) <= self._group_commands_max and taken_bytes <= self._group_bytes_max:
            self._commands, self._futures, self._queued_bytes = [], [], 0
            return commands, futures
        count = taken_bytes = 0
        for command in commands[: self._group_commands_max]:
            size = len(command) + COMMAND_OVERHEAD_BYTES
            if count and taken_bytes + size > self._group_bytes_max:
                break
            count += 1
            taken_bytes += size
        group = commands[:count], futures[:count]
        del commands[:count], futures[:count]
        self._queued_bytes -= taken_bytes
        return group


def resolve(futures: "list[asyncio.Future[Receipt]]", line: str, applied: Applied) -> None:
    """Answer the futures of a group that was applied, one a command, in order."""
    if applied.runs or applied.returns:
        _resolve_one_by_one(futures, line, applied)
        return
    for index, failed in applied.failures:
        if index < len(futures) and not futures[index].done():
            futures[index].set_exception(from_code(failed.code, failed.message, failed.details))
    epoch, position, acks = applied.epoch, applied.position, applied.acks
    offset, version = applied.offset, applied.version
    new = tuple.__new__  # a third of the cost of Receipt(...), and this loop is the hot one
    for future in futures:
        if not future.done():
            future.set_result(new(Receipt, (line, epoch, position, offset, version, acks, None)))
        offset += 1
        version += 1


def _resolve_one_by_one(
    futures: "list[asyncio.Future[Receipt]]", line: str, applied: Applied
) -> None:
    """The same for a group that lies in parts, or whose commands returned something."""
    count = len(futures)
    whole = Run(0, count, applied.position, applied.offset, applied.version, applied.epoch)
    failures, returns = dict(applied.failures), dict(applied.returns)
    for run in applied.runs or (whole,):
        for at in range(min(run.count, count - run.index)):
            index = run.index + at
            failed, future = failures.get(index), futures[index]
            if future.done():
                continue
            if failed is not None:
                future.set_exception(from_code(failed.code, failed.message, failed.details))
                continue
            place = (run.epoch, run.position, run.offset + at, run.version + at)
            future.set_result(Receipt(line, *place, applied.acks, returns.get(index)))


def without_malformed(
    commands: list[bytes], futures: "list[asyncio.Future[Receipt]]"
) -> "tuple[list[bytes], list[asyncio.Future[Receipt]]]":
    """What is left of a group that no node takes, after failing those that are to blame.

    A `msgspec.Raw` that a user puts into a value is written as it is, and may be no MessagePack;
    that is only looked at when a group was refused.
    """
    kept_commands: list[bytes] = []
    kept_futures: list[asyncio.Future[Receipt]] = []
    for command, future in zip(commands, futures, strict=True):
        try:
            decode_group(encode_group(0, 0, 0, [command]))
        except BadFrame:
            reject([future], BadValue("a msgspec.Raw in the value is no MessagePack value"))
        else:
            kept_commands.append(command)
            kept_futures.append(future)
    return kept_commands, kept_futures


def reject(futures: "Iterable[asyncio.Future[Any]]", error: PlaitError) -> None:
    """Fail every future that has no answer yet, each with an error object of its own."""
    for future in futures:
        if not future.done():
            future.set_exception(from_code(error.code, error.message, error.details))
