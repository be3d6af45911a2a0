"""Batches: the commands of several connections, done one after another on one keyspace.

A *group* is what one connection sent together; its reply is the bytes that go back to it. A batch
is done up to a number of bytes of replies; what is left says how many commands were done, and is
sent again by whoever holds the connection.

Invariant: the replies of a group are in the order of its commands, and each command is done once.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from plait.doors.resp.commands import TABLE
from plait.doors.resp.commands.table import Arguments, unknown, wrong_arity
from plait.doors.resp.keyspace import Keyspace
from plait.doors.resp.replies import NO_ARRAY, Complaint, Failed, Reply, encode

Group = tuple[int, list[Arguments]]  # RESP 2 or 3, and the commands
Done = tuple[bytes, int]  # the replies, and how many commands they answer

WATCH: Final = b"\0watch"  # then keys: a number for EXEC
EXEC: Final = b"\0exec"  # then a `Transaction`
REFUSED: Final = b"\0refused"  # then why: what stood here cannot be done

TOO_LONG: Final = "ERR the reply is too long to be given in one piece"

_encoder = msgspec.msgpack.Encoder()
_groups = msgspec.msgpack.Decoder(list[Group])
_done = msgspec.msgpack.Decoder(list[Done])


class Transaction(msgspec.Struct, frozen=True, array_like=True):
    """What was watched, with what WATCH answered, and the commands between MULTI and EXEC."""

    watched: list[tuple[bytes, int]]
    commands: list[Arguments]


class TooLong(Exception):
    """A command that changes something has a reply that is too long; nothing of it may stay."""


_transaction = msgspec.msgpack.Decoder(Transaction)


def encode_groups(groups: Sequence[Group]) -> bytes:
    """Groups for the way to a machine."""
    return _encoder.encode(groups)


def encode_done(done: list[Done]) -> bytes:
    """Replies for the way back."""
    return _encoder.encode(done)


def decode_done(data: bytes) -> list[Done]:
    """Replies that came back."""
    return _done.decode(data)


def decode_transaction(args: Arguments) -> Transaction:
    """The transaction that is such a command."""
    return _transaction.decode(args[1])


def exec_command(watched: list[tuple[bytes, int]], commands: list[Arguments]) -> Arguments:
    """A whole transaction as one command."""
    return [EXEC, _encoder.encode(Transaction(watched, commands))]


def refused_command(text: str) -> Arguments:
    """A command whose reply is this error."""
    return [REFUSED, text.encode(errors="replace")]


def run_encoded(keyspace: Keyspace, data: bytes, bytes_max: int) -> bytes:
    """`run`, for groups and replies that are encoded."""
    return _encoder.encode(run(keyspace, _groups.decode(data), bytes_max))


def run(keyspace: Keyspace, groups: Sequence[Group], bytes_max: int) -> list[Done]:
    """Do every command of every group, as long as the replies have no more than `bytes_max`.

    Raises `TooLong` if that is not even enough for one that changes something.
    """
    answers: list[Done] = []
    left = bytes_max
    table = TABLE
    for protocol, commands in groups:
        out: list[bytes] = []
        done = 0
        for args in commands:
            if left <= 0:
                break
            command = table.get(args[0])
            if command is None:
                reply = _unusual(keyspace, args)
                changes = True
            elif len(args) != command.arity and (command.arity >= 0 or len(args) < -command.arity):
                reply, changes = wrong_arity(command.name), False
            else:
                changes = command.writes
                try:
                    reply = command.handler(keyspace, args)
                except Complaint as complaint:
                    reply, changes = Failed(complaint.text), False
            data = encode(reply, protocol)
            if len(data) > left:
                if changes and len(data) > bytes_max // 2:
                    raise TooLong(TOO_LONG)
                if not changes and (answers or out):
                    left = 0
                    break
                if not changes:
                    data = encode(Failed(TOO_LONG), protocol)
            left -= len(data)
            out.append(data)
            done += 1
        answers.append((b"".join(out), done))
    return answers


def _unusual(keyspace: Keyspace, args: Arguments) -> Reply:
    """A name in mixed case, one of ours, or an unknown one."""
    if args[0] == WATCH:
        return [keyspace.watch(key) for key in args[1:]][-1]
    if args[0] == EXEC:
        return _exec(keyspace, _transaction.decode(args[1]))
    if args[0] == REFUSED:
        return Failed(args[1].decode())
    return one(keyspace, args)


def one(keyspace: Keyspace, args: Arguments) -> Reply:
    """Do one command; its reply, which may be a refusal."""
    command = TABLE.get(args[0]) or TABLE.get(args[0].upper())
    if command is None:
        return unknown(args)
    if command.name in keyspace.refuses:
        return Failed(f"ERR {command.name.upper()} {keyspace.why}")
    if len(args) != command.arity and (command.arity >= 0 or len(args) < -command.arity):
        return wrong_arity(command.name)
    try:
        return command.handler(keyspace, args)
    except Complaint as complaint:
        return Failed(complaint.text)


def _exec(keyspace: Keyspace, transaction: Transaction) -> Reply:
    if not all(keyspace.unchanged(key, since) for key, since in transaction.watched):
        return NO_ARRAY
    return [one(keyspace, args) for args in transaction.commands]
