"""Strings that count: INCR and its like."""

from plait.doors.resp.commands.numbers import (
    INT_MAX,
    INT_MIN,
    double,
    finite,
    integer,
    plain_float,
)
from plait.doors.resp.commands.table import Arguments, writes
from plait.doors.resp.keyspace import Keyspace
from plait.doors.resp.replies import Complaint, Reply


def _count(keyspace: Keyspace, key: bytes, amount: int) -> int:
    old = keyspace.string(key)
    value = integer(b"0" if old is None else old) + amount
    if not INT_MIN <= value <= INT_MAX:
        raise Complaint("ERR increment or decrement would overflow")
    keyspace.data[key] = b"%d" % value
    keyspace.counted(key, amount)
    keyspace.touch(key)
    return value


@writes("incr", 2)
def incr(keyspace: Keyspace, args: Arguments) -> Reply:
    """INCR key"""
    return _count(keyspace, args[1], 1)


@writes("decr", 2)
def decr(keyspace: Keyspace, args: Arguments) -> Reply:
    """DECR key"""
    return _count(keyspace, args[1], -1)


@writes("incrby", 3)
def incrby(keyspace: Keyspace, args: Arguments) -> Reply:
    """INCRBY key amount"""
    return _count(keyspace, args[1], integer(args[2]))


@writes("decrby", 3)
def decrby(keyspace: Keyspace, args: Arguments) -> Reply:
    """DECRBY key amount"""
    amount = integer(args[2])
    if amount == INT_MIN:
        raise Complaint("ERR decrement would overflow")
    return _count(keyspace, args[1], -amount)


@writes("incrbyfloat", 3)
def incrbyfloat(keyspace: Keyspace, args: Arguments) -> Reply:
    """INCRBYFLOAT key amount"""
    old = keyspace.string(args[1])
    text = plain_float(finite(double(b"0" if old is None else old) + double(args[2])))
    keyspace.data[args[1]] = text
    keyspace.touch(args[1])
    return text
