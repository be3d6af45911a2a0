"""Commands that need no keys: PING, ECHO, TIME."""

from typing import Final

from plait.doors.resp.commands.table import NO_KEYS, Arguments, reads, wrong_arity
from plait.doors.resp.keyspace import Keyspace
from plait.doors.resp.replies import Complaint, Reply

PLAIN: Final = ("ping", "echo", "time")


@reads("ping", -1, NO_KEYS)
def ping(keyspace: Keyspace, args: Arguments) -> Reply:
    """PING [message]"""
    if len(args) > 2:
        raise Complaint(wrong_arity("ping").text)
    return args[1] if len(args) == 2 else "PONG"


@reads("echo", 2, NO_KEYS)
def echo(keyspace: Keyspace, args: Arguments) -> Reply:
    """ECHO message"""
    return args[1]


@reads("time", 1, NO_KEYS)
def time(keyspace: Keyspace, args: Arguments) -> Reply:
    """TIME"""
    seconds, ms = divmod(keyspace.now_ms, 1000)
    return [b"%d" % seconds, b"%d" % (ms * 1000)]
