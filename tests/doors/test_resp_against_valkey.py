"""Random commands, on a real Valkey and on the commands of the door: the same replies, byte for
byte, but for what has no order."""

import random
import socket

import pytest

from plait.doors.resp.batches import run
from plait.doors.resp.door import wall_ms
from plait.doors.resp.keyspace import Keyspace
from tests.doors.redis_server import valkey

KEYS = [b"k%d" % number for number in range(6)]
VALUES = [b"", b"a", b"bb", b"10", b"-3", b"3.5", b"hello world", b"\x00\xff\r\n", b"0", b"007"]
NUMBERS = [b"0", b"1", b"-1", b"2", b"-2", b"5", b"100", b"x", b"9223372036854775807"]
SCORES = [b"0", b"1", b"-1.5", b"2", b"inf", b"-inf", b"3.25", b"nope"]
BOUNDS = [b"-inf", b"+inf", b"(1", b"1", b"2", b"(2", b"0", b"z"]
LEX = [b"-", b"+", b"[a", b"(bb", b"[hello", b"x"]

SHAPES = """
GET k|SET k v|SET k v NX|SET k v XX|SET k v GET|SET k v KEEPTTL|SET k v EX 100|SET k v EX 0
SET k v NX GET|SETNX k v|GETSET k v|GETDEL k|GETEX k|GETEX k PERSIST|APPEND k v|STRLEN k
SETRANGE k i v|GETRANGE k n n|MGET k k k|MSET k v k v|MSETNX k v k v|INCR k|DECR k|INCRBY k n
DECRBY k n|INCRBYFLOAT k f|HSET k v v|HSET k v v v v|HSETNX k v v|HGET k v|HMGET k v v|HGETALL k
HKEYS k|HVALS k|HLEN k|HEXISTS k v|HSTRLEN k v|HDEL k v|HDEL k v v|HINCRBY k v n
HINCRBYFLOAT k v f|SADD k v|SADD k v v v|SREM k v v|SISMEMBER k v|SMISMEMBER k v v|SMEMBERS k
SCARD k|SMOVE k k v|SUNION k k|SINTER k k|SDIFF k k|SUNIONSTORE k k k|SINTERSTORE k k k
SDIFFSTORE k k k|SINTERCARD 2 k k|SINTERCARD 2 k k LIMIT 1|LPUSH k v|RPUSH k v v|LPUSHX k v
RPUSHX k v|LPOP k|RPOP k|LPOP k i|RPOP k i|LLEN k|LRANGE k n n|LINDEX k n|LSET k n v|LREM k n v
LTRIM k n n|LINSERT k BEFORE v v|LINSERT k AFTER v v|LPOS k v|LPOS k v COUNT 0
LPOS k v RANK -1 COUNT 2|LMOVE k k LEFT RIGHT|LMOVE k k RIGHT LEFT|RPOPLPUSH k k|LMPOP 2 k k LEFT
LMPOP 1 k RIGHT COUNT 2|ZADD k s v|ZADD k s v s v|ZADD k NX s v|ZADD k XX CH s v|ZADD k GT CH s v
ZADD k LT s v|ZADD k INCR s v|ZINCRBY k s v|ZREM k v v|ZCARD k|ZSCORE k v|ZMSCORE k v v|ZRANK k v
ZREVRANK k v|ZRANK k v WITHSCORE|ZCOUNT k b b|ZLEXCOUNT k l l|ZRANGE k n n|ZRANGE k n n REV
ZRANGE k n n WITHSCORES|ZRANGE k b b BYSCORE|ZRANGE k b b BYSCORE REV WITHSCORES
ZRANGE k b b BYSCORE LIMIT 1 2|ZRANGE k l l BYLEX|ZREVRANGE k n n WITHSCORES|ZRANGEBYSCORE k b b
ZREVRANGEBYSCORE k b b WITHSCORES|ZRANGEBYSCORE k b b LIMIT 0 1|ZREMRANGEBYRANK k n n
ZREMRANGEBYSCORE k b b|ZPOPMIN k|ZPOPMAX k|ZPOPMIN k i|ZMPOP 2 k k MIN|ZMPOP 1 k MAX COUNT 2
ZUNION 2 k k WITHSCORES|ZINTER 2 k k|ZDIFF 2 k k|ZUNIONSTORE k 2 k k
ZINTERSTORE k 2 k k WEIGHTS 2 3|ZUNIONSTORE k 2 k k AGGREGATE MAX|ZDIFFSTORE k 2 k k
ZRANGESTORE k k n n|DEL k|DEL k k|UNLINK k|EXISTS k k|TYPE k|RENAME k k|RENAMENX k k|COPY k k
COPY k k REPLACE|EXPIRE k 100|EXPIRE k 1000 NX|EXPIRE k 50 XX|EXPIRE k 5000 GT|EXPIRE k 10 LT
EXPIRE k -1|PERSIST k|TTL k|EXPIRE k x|DBSIZE|NOSUCH k|GET|SET k|LPUSH k|ZADD k|TOUCH k k|PING
ECHO v|LRANGE k x 1|SET k v BAD|EXPIRE k 10 NX XX|FLUSHDB NOW|GETEX k EX 100|ZADD k NX XX 1 a
ZADD k 1|HSET k v|MSET k v k|OBJECT REFCOUNT k|SETEX k 100 v|SETEX k 0 v|PSETEX k 100000 v
PSETEX k -1 v
""".replace("\n", "|").split("|")  # fmt: skip

UNORDERED = {b"HGETALL", b"HKEYS", b"HVALS", b"SMEMBERS", b"SUNION", b"SINTER", b"SDIFF"}


def drawn(chance: random.Random) -> list[bytes]:
    """One command."""
    shape = chance.choice([one for one in SHAPES if one]).split()
    pools = {"k": KEYS, "v": VALUES, "n": NUMBERS, "s": SCORES, "b": BOUNDS, "l": LEX,
             "i": [b"0", b"1", b"2", b"-1"], "f": [b"1.5", b"-2", b"0.25", b"zz"]}  # fmt: skip
    words = [chance.choice(pools[word]) if word in pools else word.encode() for word in shape[1:]]
    return [shape[0].encode(), *words]


class Peer:
    """A connection to the server that reads one reply at a time, as bytes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.file = self.socket.makefile("rb")

    def ask(self, args: list[bytes]) -> bytes:
        head = b"*%d\r\n" % len(args)
        self.socket.sendall(head + b"".join(b"$%d\r\n%b\r\n" % (len(a), a) for a in args))
        return self.reply()

    def reply(self) -> bytes:
        line = self.file.readline()
        mark, rest = line[:1], line[1:-2]
        if mark in b"$=" and rest != b"-1":
            return line + self.file.read(int(rest) + 2)
        if mark in b"*~>" and rest != b"-1":
            return line + b"".join(self.reply() for _ in range(int(rest)))
        if mark == b"%":
            return line + b"".join(self.reply() for _ in range(2 * int(rest)))
        return line

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def comparable(args: list[bytes], reply: bytes) -> object:
    """A reply without what may differ."""
    if args[0] in UNORDERED and not reply.startswith(b"-"):
        return sorted(reply.split(b"\r\n"))
    return reply


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_random_commands_have_the_replies_of_a_real_server(protocol: int, seed: int) -> None:
    chance = random.Random(seed * 10 + protocol)
    with valkey() as port:
        peer = Peer(port)
        if protocol == 3:
            peer.ask([b"HELLO", b"3"])
        keyspace = Keyspace()
        told: list[list[bytes]] = []
        differences = []
        for _ in range(3000):
            args = drawn(chance)
            told.append(args)
            theirs = peer.ask(args)
            keyspace.sweep(wall_ms())
            ((ours, _),) = run(keyspace, [(protocol, [args])], 1 << 20)
            if comparable(args, theirs) != comparable(args, ours):
                differences.append((args, theirs, ours))
        peer.close()
    assert not differences, "\n".join(map(repr, differences[:20])) + f"\n{len(differences)}"
