"""The door's own commands that tell of the server: INFO, CONFIG, COMMAND, CLIENT, ROLE.

They say what programs look for before they work, in Redis's words, and nothing that is not so.
"""

from typing import Any, Final

from plait.doors.resp.commands import TABLE
from plait.doors.resp.commands.scanning import glob
from plait.doors.resp.commands.table import Arguments, Command, find, unknown
from plait.doors.resp.door_port import Client
from plait.doors.resp.parser import BULK_BYTES_MAX
from plait.doors.resp.replies import OK, Complaint, Failed, Pairs, Reply, Verbatim
from plait.doors.resp.sessions import OWN, own


def _subcommand(args: Arguments) -> bytes:
    return args[1].lower() if len(args) > 1 else b""


def _unknown(args: Arguments) -> Complaint:
    name, word = args[0].upper().decode("latin-1"), args[1].decode("latin-1")
    return Complaint(f"ERR unknown subcommand '{word}'. Try {name} HELP.")


@own("info", -1)
async def info(client: Any, args: Arguments) -> Reply:
    """INFO [section ...]"""
    wanted = {word.lower().decode("latin-1") for word in args[1:]} or {"default"}
    everything = bool(wanted & {"all", "default", "everything"})
    sections = await client.door.sections(client)
    lines: list[str] = []
    for name, fields in sections.items():
        if everything or name.lower() in wanted:
            lines += [f"# {name}", *(f"{key}:{value}" for key, value in fields.items()), ""]
    return Verbatim("\r\n".join(lines).encode())


@own("role", 1)
def role(client: Any, args: Arguments) -> Reply:
    """ROLE"""
    return [b"master", 0, []]


@own("config", -2)
def config(client: Any, args: Arguments) -> Reply:
    """CONFIG GET pattern [pattern ...] | SET | RESETSTAT"""
    word = _subcommand(args)
    if word == b"get" and len(args) > 2:
        known = {
            b"databases": b"%d" % client.door.databases,
            b"maxclients": b"%d" % client.door.clients_max,
            b"proto-max-bulk-len": b"%d" % BULK_BYTES_MAX, b"maxmemory": b"0",
            b"maxmemory-policy": b"noeviction", b"save": b"", b"appendonly": b"yes",
            b"appendfsync": b"always", b"timeout": b"0", b"port": b"%d" % client.door.port,
        }  # fmt: skip
        found: list[Reply] = []
        for key, value in known.items():
            if any(glob(pattern.lower()).fullmatch(key) for pattern in args[2:]):
                found += [key, value]
        return Pairs(found)
    if word == b"resetstat":
        return OK
    if word == b"set":
        raise Complaint("ERR CONFIG SET is not possible here: plait.toml says how a node is")
    raise _unknown(args)


@own("command", -1)
def command(client: Any, args: Arguments) -> Reply:
    """COMMAND [COUNT|LIST|INFO name ...|DOCS name ...|GETKEYS command ...]"""
    word = _subcommand(args)
    names = sorted({one.name for one in TABLE.values()} | {one.name for one in OWN.values()})
    if not word:
        return [_described(name) for name in names]
    if word == b"count":
        return len(names)
    if word == b"list":
        return [name.encode() for name in names]
    if word == b"info":
        return [_described(name.decode("latin-1").lower()) for name in args[2:]]
    if word == b"docs":
        known = [name for name in args[2:] if find(name) or name.upper() in OWN]
        return Pairs([part for name in known for part in (name.lower(), _documented(name))])
    if word == b"getkeys" and len(args) > 2:
        found = find(args[2])
        if found is None:
            raise Complaint("ERR Invalid command specified")
        keys = found.keys(args[2:])
        if not keys:
            raise Complaint("ERR The command has no key arguments")
        return keys
    raise _unknown(args)


def _described(name: str) -> Reply:
    found: Command | None = find(name.encode())
    if found is not None:
        flags = ["write" if found.writes else "readonly"]
        return [name.encode(), found.arity, flags, *found.places, [], [], [], []]
    mine = OWN.get(name.upper().encode())
    if mine is None:
        return None
    return [name.encode(), mine.arity, ["noscript"], 0, 0, 0, [], [], [], []]


def _documented(name: bytes) -> Reply:
    found = find(name)
    mine = OWN.get(name.upper())
    text = (found.handler.__doc__ if found else mine.run.__doc__ if mine else "") or ""
    return Pairs([b"summary", text.strip().encode(), b"since", b"1.0.0"])


_HELD: Final = (b"lib-name", b"lib-ver")


@own("client", -2)
def client_(client: Any, args: Arguments) -> Reply:
    """CLIENT ID|GETNAME|SETNAME|SETINFO|INFO|LIST|KILL|NO-EVICT|NO-TOUCH|REPLY ON|UNBLOCK"""
    word, rest = _subcommand(args), args[2:]
    if word == b"id":
        return client.id
    if word == b"getname":
        return client.name or None
    if word == b"setname" and len(rest) == 1:
        if any(not 33 <= char <= 126 for char in rest[0]):
            raise Complaint(
                "ERR Client names cannot contain spaces, newlines or special characters."
            )
        client.name = rest[0]
        return OK
    if word == b"setinfo" and len(rest) == 2:
        if rest[0].lower() not in _HELD:
            raise Complaint(f"ERR Unrecognized option '{rest[0].decode('latin-1')}'")
        client.library[rest[0].lower()] = rest[1][:64]
        return OK
    if word == b"info":
        return Verbatim(_line(client))
    if word == b"list":
        return Verbatim(b"".join(_line(one) for one in client.door.seen_by(client)))
    if word == b"kill":
        return _kill(client, rest)
    if word in (b"no-evict", b"no-touch") and len(rest) == 1:
        return OK
    if word == b"reply" and [one.upper() for one in rest] == [b"ON"]:
        return OK
    if word in (b"tracking", b"caching", b"reply", b"pause", b"unpause", b"unblock"):
        return Failed(f"ERR CLIENT {word.decode().upper()} is not possible here")
    raise _unknown(args)


def _line(client: Client) -> bytes:
    door = client.door
    now = door.wall_ms()
    fields = {
        "id": client.id, "addr": client.address, "name": client.name.decode("latin-1"),
        "age": (now - client.made_ms) // 1000, "idle": (now - client.last_ms) // 1000,
        "db": client.database, "sub": len(client.channels), "psub": len(client.patterns),
        "multi": -1 if client.queued is None else len(client.queued), "resp": client.protocol,
        "lib-name": client.library.get(b"lib-name", b"").decode("latin-1"),
        "lib-ver": client.library.get(b"lib-ver", b"").decode("latin-1"),
        "user": "default" if client.who is None else client.who.name,
    }  # fmt: skip
    return (" ".join(f"{key}={value}" for key, value in fields.items()) + "\n").encode()


def _kill(client: Any, rest: Arguments) -> Reply:
    wanted = dict(zip([one.upper() for one in rest[::2]], rest[1::2], strict=False))
    if len(rest) == 1:
        wanted = {b"ADDR": rest[0]}
    if not wanted or set(wanted) - {b"ID", b"ADDR", b"SKIPME"}:
        raise Complaint("ERR syntax error")
    killed = [
        one
        for one in client.door.seen_by(client)
        if wanted.get(b"ID", b"%d" % one.id) == b"%d" % one.id
        and wanted.get(b"ADDR", one.address.encode()) == one.address.encode()
        and (one is not client or wanted.get(b"SKIPME", b"yes").lower() == b"no" or len(rest) == 1)
    ]
    for one in killed:
        one.end() if one is client else one.close()
    if len(rest) > 1:
        return len(killed)
    if not killed:
        raise Complaint("ERR No such client")
    return OK


@own("debug", -2)
def debug(client: Client, args: Arguments) -> Reply:
    """DEBUG"""
    return unknown(args)


@own("acl", -2)
def acl(client: Any, args: Arguments) -> Reply:
    """ACL WHOAMI; rights are Plait's own"""
    if _subcommand(args) == b"whoami" and client.who is not None:
        return client.who.name.encode()
    raise Complaint("ERR ACL is not possible here: see `plait rights`")
