"""The door: listens, counts clients in, knows the databases and who uses them.

Where rights are on a client signs in with a token (AUTH), and everything it does goes through the
store of that token: the nodes decide what it may do, collection by collection.

Absent: commands; see `commands`, `sessions`, `telling` and `listening`.
"""

import asyncio
import contextlib
import random
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from plait.api.store import Store
from plait.base.errors import NoSuchCollection, NotSignedIn
from plait.doors.people import Acting, People
from plait.doors.resp import door_port as port
from plait.doors.resp import listening as listening
from plait.doors.resp import telling as telling
from plait.doors.resp.channels import Channels
from plait.doors.resp.commands.table import Arguments, Command
from plait.doors.resp.connection import Connection
from plait.doors.resp.document_space import DocumentSpace
from plait.doors.resp.door_port import Client, Own
from plait.doors.resp.keyspace import Keyspace
from plait.doors.resp.line_space import LineSpace
from plait.doors.resp.machine import RedisDatabase
from plait.doors.resp.redis_key import RedisKey
from plait.doors.resp.replies import Complaint
from plait.doors.resp.sessions import OWN, VERSION
from plait.doors.resp.settings import EVENTUAL, RespSettings, collection_of
from plait.doors.resp.space import Job, Space
from plait.host.open_files import room_for

ANYBODY = "default"  # the user that clients name who name none
_IDLE_LOOK_S = 1.0
_ALONE_S = 1.0  # so long it is believed that there is nobody else


def wall_ms() -> int:
    """The wall clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _unlike_others() -> str:
    return f"{random.SystemRandom().getrandbits(64):x}"


class Person:
    """The databases through one store."""

    def __init__(self, store: Store, settings: RespSettings, name: str) -> None:
        self.name = name
        self.spaces: dict[int, Space] = {}
        self._store = store
        self._settings = settings
        self._opening: dict[int, asyncio.Task[Space]] = {}
        self._members: tuple[float, int] = (-1e9, 1)
        self.channels: port.Channels = Channels(store, _unlike_others(), self.alone)

    async def open(self, database: int) -> Space:
        """Open a database, once for all who ask meanwhile."""
        task = self._opening.get(database)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._open(database))
            self._opening[database] = task
            task.add_done_callback(lambda done: self._opening.pop(database, None))
        return await asyncio.shield(task)

    async def _open(self, database: int) -> Space:
        kind = self._settings.databases[database]
        name = collection_of(database)
        space: Space
        if kind == EVENTUAL:
            documents = await self._store.documents(name, RedisKey)
            space = DocumentSpace(documents, wall_ms)
        else:
            try:
                machine = await self._store.machine(name, RedisDatabase)
            except NoSuchCollection:
                wanted = self._settings.line_settings(kind)
                machine = await self._store.machine(name, RedisDatabase, wanted)
            space = LineSpace(kind, machine, wall_ms, self.replicas)
        self.spaces[database] = space
        return space

    async def members(self) -> int:
        """How many nodes there are, as of a moment ago."""
        now = time.monotonic()
        if now - self._members[0] > _ALONE_S:
            self._members = (now, max(1, len(await self._store.members())))
        return self._members[1]

    async def alone(self) -> bool:
        """Whether there is no other node."""
        return await self.members() == 1

    async def replicas(self) -> int:
        """How many other nodes have what was answered, by the rule of a majority."""
        return await self.members() // 2

    async def close(self) -> None:
        """Close what is open."""
        await self.channels.close()
        for space in self.spaces.values():
            await space.close()


class RespDoor:
    """Implements `plait.doors.resp.door_port.Door`."""

    def __init__(self, people: People, settings: RespSettings, port: int = 0) -> None:
        settings.check()
        self.own: dict[bytes, Own] = OWN
        self.idle = Keyspace()
        self.port = port
        self.wall_ms = wall_ms
        self.now_ms = wall_ms()
        self.routes = bool(settings.prefixes)
        self.clients_max = room_for(settings.clients_max)
        self.databases = len(settings.databases)
        self._people = people
        self._settings = settings
        self._prefixes = {key.encode(): to for key, to in settings.prefixes.items()}
        self._clients: dict[Client, contextlib.AsyncExitStack] = {}
        self._persons: dict[Store, Person] = {}
        self._acting: dict[Client, Acting] = {}
        self._next_id = 1
        self._served = 0
        self._began = time.monotonic()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._own: Person | None = None  # of everybody, where nobody is asked

    async def start(self) -> None:
        """Know the one store, if nobody is asked who they are."""
        if not self._people.asked:
            async with self._people.acting("") as acting:
                self._own = self._person(acting.store, "default")

    # ------------------------------------------------------------------ clients

    def arrived(self, client: Client) -> str | None:
        """See `plait.doors.resp.door_port.Door`."""
        if len(self._clients) >= self.clients_max:
            return "ERR max number of clients reached"
        client.id, self._next_id = self._next_id, self._next_id + 1
        self._served += 1
        self._clients[client] = contextlib.AsyncExitStack()
        if not self._people.asked:
            client.who = self._own
        client.look()
        return None

    def left(self, client: Client) -> None:
        """A client has gone."""
        self.listening(client)
        self._acting.pop(client, None)
        stack = self._clients.pop(client, None)
        if stack is not None:
            self._start(stack.aclose())

    async def sign_in(self, client: Client, token: str, user: str = "") -> None:
        """Let a client act for the owner of a token, who is that user, if one is named."""
        if not self._people.asked:
            raise Complaint(
                "ERR AUTH <password> called without any password configured for the default user. "
                "Are you sure your configuration is correct?"
            )
        stack = contextlib.AsyncExitStack()
        try:
            acting = await stack.enter_async_context(self._people.acting(token))
            await acting.store.tables()  # what was opened for this token may be closed to it by now
            who = acting.store.here.who
            if user not in ("", ANYBODY, who):
                raise NotSignedIn(f"this token is not one of {user}'s")
        except BaseException as error:
            await stack.aclose()
            if isinstance(error, NotSignedIn):
                raise Complaint(
                    f"WRONGPASS invalid username-password pair or user is disabled. ({error})"
                ) from None
            raise
        before = self._clients.get(client)
        if before is None:
            await stack.aclose()
            return
        self._clients[client] = stack
        self._acting[client] = acting
        client.who = self._person(acting.store, who)
        client.look()
        await before.aclose()

    def _person(self, store: Store, name: str) -> Person:
        for known in [one for one in self._persons if one._context.closed]:
            self._start(self._persons.pop(known).close())
        person = self._persons.get(store)
        if person is None:
            person = self._persons[store] = Person(store, self._settings, name)
        return person

    def check(
        self, client: Client, args: Arguments, own: Own | None, command: Command | None
    ) -> None:
        """See `plait.doors.resp.door_port.Door`."""
        name = own.name if own is not None else command.name if command is not None else ""
        if client.who is None and name not in _WITHOUT_WHO:
            raise Complaint("NOAUTH Authentication required.")
        listens = client.channels or client.patterns
        if listens and client.protocol == 2 and name not in _WHILE_LISTENING:
            raise Complaint(
                f"ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                "QUIT / RESET are allowed in this context"
            )

    def seen_by(self, client: Client) -> Sequence[Client]:
        """The clients that one may know of: those of the same person."""
        return [one for one in self._clients if one.who is client.who]

    # ------------------------------------------------------------------ databases

    def check_database(self, database: int) -> None:
        """`Complaint` if there is none of that number."""
        if not 0 <= database < self.databases:
            raise Complaint("ERR DB index is out of range")

    def route(self, database: int, command: Command, args: Arguments) -> int:
        """See `plait.doors.resp.door_port.Door`."""
        return self.route_keys(database, command.keys(args)) if self.routes else database

    def route_keys(self, database: int, keys: list[bytes]) -> int:
        """The database of these keys."""
        if not self.routes or not keys:
            return database
        found = {self._routed(database, key) for key in keys}
        if len(found) > 1:
            raise Complaint("CROSSSLOT Keys in request are in several databases")
        return found.pop()

    def _routed(self, database: int, key: bytes) -> int:
        fitting = [prefix for prefix in self._prefixes if key.startswith(prefix)]
        return self._prefixes[max(fitting, key=len)] if fitting else database

    async def ask(self, space: Space, args: Arguments, writes: bool, protocol: int = 2) -> bytes:
        """One command on a space; its reply, encoded."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def tell(data: bytes, count: int) -> None:
            if not future.done():
                future.set_result(data)

        space.serve(Job(protocol, [args], writes, sum(map(len, args)), tell))
        return await future

    # ------------------------------------------------------------------ channels, telling

    def channels(self, client: Client) -> port.Channels:
        """The channels as a client may use them."""
        if client.who is None:
            raise Complaint("NOAUTH Authentication required.")
        return client.who.channels

    def listening(self, client: Client) -> None:
        """A client listens to more, or to less, than before."""
        if client.who is not None:
            client.who.channels.listening(client)

    async def sections(self, client: Client) -> dict[str, dict[str, object]]:
        """What INFO tells."""
        databases: dict[str, object] = {}
        for number, kind in enumerate(self._settings.databases):
            space = None if client.who is None else client.who.spaces.get(number)
            if space is not None:
                keys = (await self.ask(space, [b"DBSIZE"], False))[1:-2].decode()
                databases[f"db{number}"] = f"keys={keys},expires=0,avg_ttl=0,kind={kind}"
        who = client.who
        others = await who.members() - 1 if isinstance(who, Person) else 0
        return {
            "Server": {
                "redis_version": VERSION, "server_name": "plait", "redis_mode": "standalone",
                "tcp_port": self.port, "uptime_in_seconds": int(time.monotonic() - self._began),
            },
            "Clients": {"connected_clients": len(self._clients), "maxclients": self.clients_max},
            "Persistence": {"loading": 0, "aof_enabled": 1},
            "Stats": {"total_connections_received": self._served},
            "Replication": {
                "role": "master", "connected_slaves": others,
                **{f"slave{i}": "state=online" for i in range(others)},
            },
            "Keyspace": databases,
        }  # fmt: skip

    # ------------------------------------------------------------------ life

    async def look_after(self) -> None:
        """Let go whoever says nothing, and whoever may not be here any more."""
        while True:
            await asyncio.sleep(_IDLE_LOOK_S)
            self.now_ms = wall_ms()
            if self._own is None:
                await self.start()  # rights were on, and perhaps are not any more
            before = self.now_ms - int(self._settings.idle_s * 1000)
            for client in list(self._clients):
                acting = self._acting.get(client)
                if self._settings.idle_s and client.last_ms < before and not client.channels:
                    client.close()
                elif acting is None and client.who is not None and self._people.asked:
                    client.who = None  # rights were switched on meanwhile
                    client.look()
                elif acting is not None:
                    with contextlib.suppress(Exception):
                        acting.check()
                        continue
                    client.close()

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let everybody go."""
        for client in list(self._clients):
            client.close()
        for person in self._persons.values():
            await person.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)


_WITHOUT_WHO = ("auth", "hello", "quit", "reset")
_WHILE_LISTENING = (
    "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ping", "quit", "reset"
)  # fmt: skip


@contextlib.asynccontextmanager
async def listen(
    people: People,
    host: str,
    port: int,
    settings: RespSettings | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serve Redis clients at an address until exit; the port that was bound."""
    loop = asyncio.get_running_loop()
    door = RespDoor(people, settings or RespSettings(), port)
    await door.start()
    server = await loop.create_server(lambda: Connection(door), host, port, ssl=tls, backlog=512)
    door.port = server.sockets[0].getsockname()[1]
    looking = loop.create_task(door.look_after())
    try:
        yield door.port
    finally:
        looking.cancel()
        server.close()
        await door.close()
