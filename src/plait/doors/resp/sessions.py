"""The door's own commands about a connection: who it is, which database, transactions, waiting."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from plait.doors.resp.batches import exec_command
from plait.doors.resp.commands.numbers import SYNTAX, integer
from plait.doors.resp.commands.table import Arguments, find
from plait.doors.resp.door_port import Client, Own
from plait.doors.resp.replies import OK, Complaint, Pairs, Raw, Reply
from plait.doors.resp.space import Space

Handler = TypeVar("Handler", bound=Callable[..., Any])

OWN: Final[dict[bytes, Own]] = {}
VERSION: Final = "7.4.0"  # of Redis, whose commands these are
WAIT_FOREVER_S: Final = 3600.0


def own(name: str, arity: int, in_transaction: bool = False) -> Callable[[Handler], Handler]:
    """Register a command of the door itself."""

    def put(run: Handler) -> Handler:
        OWN[name.upper().encode()] = Own(name, run, arity, in_transaction)
        return run

    return put


# ---------------------------------------------------------------------------------- who


@own("hello", -1)
def hello(client: Any, args: Arguments) -> Reply:
    """HELLO [protover [AUTH username password] [SETNAME name]]"""
    protocol = client.protocol
    words = args[1:]
    if words:
        if words[0] not in (b"2", b"3"):
            if not words[0].isdigit():
                raise Complaint("ERR Protocol version is not an integer or out of range")
            raise Complaint("NOPROTO unsupported protocol version")
        protocol = int(words[0])
        words = words[1:]
    token, user, name = None, "", None
    while words:
        word = words[0].upper()
        if word == b"AUTH" and len(words) > 2:
            user, token, words = words[1].decode("latin-1"), words[2], words[3:]
        elif word == b"SETNAME" and len(words) > 1:
            name, words = _clean(words[1]), words[2:]
        else:
            raise Complaint("ERR Syntax error in HELLO option '" + word.decode("latin-1") + "'")

    def welcome() -> Reply:
        client.protocol = protocol
        if name is not None:
            client.name = name
        client.look()
        said = ["server", "redis", "version", VERSION, "proto", protocol, "id", client.id,
                "mode", "standalone", "role", "master", "modules", []]  # fmt: skip
        return Pairs([part.encode() if type(part) is str else part for part in said])

    if token is None:
        if client.who is None:
            raise Complaint(
                "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
                "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and"
                " select the RESP protocol version at the same time"
            )
        return welcome()

    async def signed_in() -> Reply:
        await client.door.sign_in(client, token.decode("latin-1"), user)
        return welcome()

    return signed_in()


@own("auth", -2)
async def auth(client: Any, args: Arguments) -> Reply:
    """AUTH [username] token"""
    if len(args) > 3:
        raise Complaint(SYNTAX)
    user = args[1].decode("latin-1") if len(args) == 3 else ""
    await client.door.sign_in(client, args[-1].decode("latin-1"), user)
    return OK


@own("quit", -1, in_transaction=True)
def quit_(client: Client, args: Arguments) -> Reply:
    """QUIT"""
    client.end()
    return OK


@own("reset", 1, in_transaction=True)
def reset(client: Any, args: Arguments) -> Reply:
    """RESET"""
    _forget(client)
    client.channels.clear()
    client.patterns.clear()
    client.door.listening(client)
    client.protocol, client.database, client.name = 2, 0, b""
    client.look()
    return "RESET"


@own("select", 2)
def select(client: Any, args: Arguments) -> Reply:
    """SELECT index"""
    database = integer(args[1], "ERR invalid DB index")
    client.door.check_database(database)
    if client.who is None:
        raise Complaint("NOAUTH Authentication required.")
    client.database = database
    client.look()
    return OK


def _clean(name: bytes) -> bytes:
    if any(not 33 <= char <= 126 for char in name):
        raise Complaint("ERR Client names cannot contain spaces, newlines or special characters.")
    return name


# ---------------------------------------------------------------------------------- transactions


@own("multi", 1, in_transaction=True)
def multi(client: Client, args: Arguments) -> Reply:
    """MULTI"""
    if client.queued is not None:
        raise Complaint("ERR MULTI calls can not be nested")
    client.queued, client.spoiled, client.queued_bytes = [], False, 0
    client.look()
    return OK


@own("discard", 1, in_transaction=True)
def discard(client: Client, args: Arguments) -> Reply:
    """DISCARD"""
    if client.queued is None:
        raise Complaint("ERR DISCARD without MULTI")
    _forget(client)
    return OK


@own("exec", 1, in_transaction=True)
def exec_(client: Any, args: Arguments) -> Reply:
    """EXEC"""
    queued, watched, space = client.queued, client.watched, client.watched_in
    if queued is None:
        raise Complaint("ERR EXEC without MULTI")
    spoiled = client.spoiled
    _forget(client)
    if spoiled:
        raise Complaint("EXECABORT Transaction discarded because of previous errors.")
    if not queued and not watched:
        return []
    return _exec(client, queued, watched, space)


async def _exec(
    client: Any, queued: list[Arguments], watched: list[tuple[bytes, int]], space: Space | None
) -> Reply:
    databases = {client.door.route(client.database, find(args[0]), args) for args in queued}
    if len(databases) > 1:
        raise Complaint("CROSSSLOT Keys of a transaction are in several databases")
    wanted = databases.pop() if databases else client.database
    found = await client.open(wanted)
    if space is not None and space is not found:
        raise Complaint("CROSSSLOT What was watched is in another database than the transaction")
    named = [[find(args[0]).name.encode(), *args[1:]] for args in queued]  # type: ignore[union-attr]
    writes = any(find(args[0]).writes for args in queued)  # type: ignore[union-attr]
    return client.submit(found, exec_command(watched, named), writes)


def _forget(client: Client) -> None:
    client.queued, client.spoiled = None, False
    client.watched, client.watched_in = [], None
    client.look()


@own("watch", -2, in_transaction=True)
async def watch(client: Any, args: Arguments) -> Reply:
    """WATCH key [key ...]"""
    if client.queued is not None:
        raise Complaint("ERR WATCH inside MULTI is not allowed")
    database = client.door.route_keys(client.database, args[1:])
    space = await client.open(database)
    if client.watched_in not in (None, space):
        raise Complaint("CROSSSLOT Keys that are watched are in several databases")
    since = await space.watch(args[1:])
    client.watched_in = space
    seen = {key for key, _ in client.watched}
    client.watched += [(key, since) for key in args[1:] if key not in seen]
    return OK


@own("unwatch", 1)
def unwatch(client: Client, args: Arguments) -> Reply:
    """UNWATCH"""
    client.watched, client.watched_in = [], None
    return OK


# ---------------------------------------------------------------------------------- waiting


@own("wait", 3)
async def wait(client: Any, args: Arguments) -> Reply:
    """WAIT numreplicas timeout"""
    replicas, timeout_ms = integer(args[1]), integer(args[2], "ERR timeout is not an integer")
    if timeout_ms < 0:
        raise Complaint("ERR timeout is negative")
    space = await client.open(client.database)
    timeout_s = timeout_ms / 1000 if timeout_ms else WAIT_FOREVER_S
    return await space.acknowledged(max(replicas, 0), timeout_s)


@own("flushall", -1)
async def flushall(client: Any, args: Arguments) -> Reply:
    """FLUSHALL [ASYNC|SYNC]: every database, one after another."""
    if [word.upper() for word in args[1:]] not in ([], [b"ASYNC"], [b"SYNC"]):
        raise Complaint(SYNTAX)
    for database in range(client.door.databases):
        await client.door.ask(await client.open(database), [b"flushdb"], True)
    return OK


_BLOCKING: Final = {  # by name: what is tried, and how its reply says that there is nothing
    "blpop": ("lpop", 0), "brpop": ("rpop", 0), "bzpopmin": ("zpopmin", 0),
    "bzpopmax": ("zpopmax", 0), "blmove": ("lmove", 1), "brpoplpush": ("rpoplpush", 1),
    "blmpop": ("lmpop", 2), "bzmpop": ("zmpop", 2),
}  # fmt: skip
_LOOK_S: Final = (0.002, 0.005, 0.01, 0.02, 0.05)  # between two tries


def _timeout(text: bytes) -> float | None:
    try:
        timeout_s = float(text)
    except ValueError:
        raise Complaint("ERR timeout is not a float or out of range") from None
    if timeout_s < 0:
        raise Complaint("ERR timeout is negative")
    if timeout_s != timeout_s or timeout_s > 1e9:
        raise Complaint("ERR timeout is out of range")
    return timeout_s or None


def _blocking(name: str) -> None:
    tried, shape = _BLOCKING[name]

    async def run(client: Any, args: Arguments) -> Reply:
        at = 1 if shape == 2 else len(args) - 1
        timeout_s = _timeout(args[at])
        rest = args[1:at] + args[at + 1 :]
        tries = [[key] for key in rest] if shape == 0 else [rest]
        return await _try_until(client, tried, tries, shape, timeout_s)

    OWN[name.upper().encode()] = Own(name, run, -3)


for _name in _BLOCKING:
    _blocking(_name)


async def _try_until(
    client: Any, tried: str, tries: list[Arguments], shape: int, timeout_s: float | None
) -> Reply:
    loop = asyncio.get_running_loop()
    until = None if timeout_s is None else loop.time() + timeout_s
    command = find(tried.encode())
    assert command is not None, "those that are tried exist"
    round_ = 0
    while True:
        for rest in tries:
            args = [tried.encode(), *rest]
            space = await client.open(client.door.route(client.database, command, args))
            reply = await client.door.ask(space, args, True, client.protocol)
            if reply not in (b"$-1\r\n", b"*-1\r\n", b"_\r\n", b"*0\r\n"):
                return _shaped(reply, rest[0], shape)
        pause_s = _LOOK_S[min(round_, len(_LOOK_S) - 1)]
        round_ += 1
        if until is not None:
            left_s = until - loop.time()
            if left_s <= 0:
                return Raw(b"_\r\n" if client.protocol == 3 else _nothing(shape))
            pause_s = min(pause_s, left_s)
        await asyncio.sleep(pause_s)


def _nothing(shape: int) -> bytes:
    return b"$-1\r\n" if shape == 1 else b"*-1\r\n"


def _shaped(reply: bytes, key: bytes, shape: int) -> Reply:
    """The key stands before what came from it, where the command names several."""
    if shape or reply[:1] == b"-":
        return Raw(reply)
    named = b"$%d\r\n%b\r\n" % (len(key), key)
    if reply[:1] == b"*":  # a member and its score: they follow the key
        return Raw(b"*3\r\n" + named + reply.split(b"\r\n", 1)[1])
    return Raw(b"*2\r\n" + named + reply)
