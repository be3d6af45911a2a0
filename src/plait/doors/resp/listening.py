"""The door's own commands about channels: SUBSCRIBE, PUBLISH and so on."""

from typing import Any

from plait.doors.resp.commands.scanning import glob
from plait.doors.resp.commands.table import Arguments
from plait.doors.resp.door_port import GIVEN
from plait.doors.resp.replies import Complaint, Pushed, Reply
from plait.doors.resp.sessions import own

CHANNELS_MAX = 10_000  # of one client


async def _more(client: Any, names: list[bytes], kind: bytes) -> Reply:
    await client.door.channels(client).may_listen()
    mine = client.channels if kind == b"subscribe" else client.patterns
    for name in names:
        if len(client.channels) + len(client.patterns) >= CHANNELS_MAX:
            raise Complaint(f"ERR a client listens to at most {CHANNELS_MAX} channels")
        mine[name] = None
        client.send(Pushed([kind, name, len(client.channels) + len(client.patterns)]))
    client.door.listening(client)
    client.look()
    return GIVEN


def _less(client: Any, names: list[bytes], kind: bytes) -> Reply:
    mine = client.channels if kind == b"unsubscribe" else client.patterns
    named: list[bytes | None] = [*(names or mine)] or [None]
    for name in named:
        if name is not None:
            mine.pop(name, None)
        client.send(Pushed([kind, name, len(client.channels) + len(client.patterns)]))
    client.door.listening(client)
    client.look()
    return GIVEN


def _listens(more: str, less: str) -> None:
    """Register ``more name [name ...]`` and ``less [name ...]``: channels, or patterns of them."""
    own(more, -2)(lambda client, args: _more(client, args[1:], more.encode()))
    own(less, -1)(lambda client, args: _less(client, args[1:], less.encode()))


_listens("subscribe", "unsubscribe")
_listens("psubscribe", "punsubscribe")


@own("publish", 3)
async def publish(client: Any, args: Arguments) -> Reply:
    """PUBLISH channel message: how many clients of this node it reached"""
    return await client.door.channels(client).publish(args[1], args[2])


@own("pubsub", -2)
def pubsub(client: Any, args: Arguments) -> Reply:
    """PUBSUB CHANNELS [pattern] | NUMSUB [channel ...] | NUMPAT: at this node"""
    channels = client.door.channels(client)
    word = args[1].lower()
    if word == b"channels" and len(args) <= 3:
        fits = glob(args[2] if len(args) == 3 else b"*").fullmatch
        return [name for name in channels.active() if fits(name)]
    if word == b"numsub":
        active = channels.active()
        return [part for name in args[2:] for part in (name, active.get(name, 0))]
    if word == b"numpat" and len(args) == 2:
        return channels.patterns()
    raise Complaint(f"ERR unknown subcommand '{args[1].decode('latin-1')}'. Try PUBSUB HELP.")
