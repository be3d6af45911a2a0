"""What a connection knows of the door, and what the door's own commands know of a connection."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Protocol

from plait.doors.resp.commands.table import Arguments, Command, arity_fits
from plait.doors.resp.keyspace import Keyspace
from plait.doors.resp.replies import Complaint, Reply
from plait.doors.resp.space import Space


class Person(Protocol):
    """Who a connection acts for: the databases as they may use them."""

    name: str
    spaces: dict[int, Space]  # those that are open
    channels: "Channels"

    async def open(self, database: int) -> Space:
        """Open a database. `Complaint`, `PlaitError`."""
        ...


class Channels(Protocol):
    """Messages to whoever listens, at every node."""

    def listening(self, client: "Client") -> None:
        """A client listens to more, or to less, than before."""
        ...

    async def may_listen(self) -> None:
        """Raise unless channels may be listened to."""
        ...

    async def close(self) -> None:
        """Hear nothing any more."""
        ...

    async def publish(self, channel: bytes, message: bytes) -> int:
        """Tell everybody; how many listen here."""
        ...

    def active(self) -> dict[bytes, int]:
        """Channels that somebody here listens to, and how many do."""
        ...

    def patterns(self) -> int:
        """How many patterns are listened to here."""
        ...


class Own(NamedTuple):
    """A command of the door itself. `in_transaction`: it is done at once even after MULTI."""

    name: str
    run: "Callable[[Any, Arguments], Reply | Awaitable[Reply]]"
    arity: int
    in_transaction: bool = False

    def fits(self, args: Arguments) -> bool:
        """Whether so many words are right."""
        return arity_fits(self.arity, len(args))


class Door(Protocol):
    """The door, as far as a connection needs it."""

    own: dict[bytes, Own]
    routes: bool  # whether a key's prefix may lead to another database
    idle: Keyspace  # with nothing in it, for commands that need none
    now_ms: int  # the wall clock, as of a second ago

    def wall_ms(self) -> int: ...

    def arrived(self, client: "Client") -> str | None:
        """Count a client in; why it cannot stay, or None."""
        ...

    def left(self, client: "Client") -> None: ...

    def check(
        self, client: "Client", args: Arguments, own: Own | None, command: Command | None
    ) -> None:
        """Raise `Complaint` unless the client may do this now."""
        ...

    def route(self, database: int, command: Command, args: Arguments) -> int:
        """The database of a command's keys. `Complaint` if they are in several."""
        ...


QUEUED_MAX: Final = 65_536  # commands of a transaction
QUEUED_BYTES_MAX: Final = 12 << 20

GIVEN: Final[Any] = object()  # the reply comes, or came, by another way


class Client:
    """What the door's own commands see of a connection."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.id = 0
        self.address = ""
        self.name = b""
        self.library: dict[bytes, bytes] = {}
        self.protocol = 2
        self.database = 0
        self.who: Person | None = None  # None: it has to say so (AUTH)
        self.space: Space | None = None  # of `database`, where that is open
        self.queued: list[Arguments] | None = None  # between MULTI and EXEC
        self.queued_bytes = 0
        self.spoiled = False  # something that was queued cannot be done
        self.watched: list[tuple[bytes, int]] = []
        self.watched_in: Space | None = None
        self.channels: dict[bytes, None] = {}
        self.patterns: dict[bytes, None] = {}
        self.made_ms = self.last_ms = door.wall_ms()
        self.simple = False  # data commands go straight to the space
        self.gone = False

    def look(self) -> None:
        """Something of the above has changed."""
        self.space = None if self.who is None else self.who.spaces.get(self.database)
        listens = (self.channels or self.patterns) and self.protocol == 2
        self.simple = self.space is not None and self.queued is None and not listens

    async def open(self, database: int) -> Space:
        """A database as this client may use it."""
        if self.who is None:
            raise Complaint("NOAUTH Authentication required.")
        space = self.who.spaces.get(database) or await self.who.open(database)
        self.look()
        return space

    def enqueue(self, args: Arguments, own: Own | None, command: Command | None) -> None:
        """Keep a command for EXEC. `Complaint` if it could not be done then."""
        if command is None:
            raise Complaint(f"ERR {args[0].decode('latin-1')} inside MULTI is not possible here")
        if not arity_fits(command.arity, len(args)):
            raise Complaint(f"ERR wrong number of arguments for '{command.name.lower()}' command")
        assert self.queued is not None, "MULTI was said"
        if len(self.queued) >= QUEUED_MAX:
            raise Complaint(f"ERR a transaction has at most {QUEUED_MAX} commands")
        self.queued_bytes += sum(map(len, args))
        if self.queued_bytes > QUEUED_BYTES_MAX:
            raise Complaint(f"ERR a transaction has at most {QUEUED_BYTES_MAX} bytes")
        self.queued.append(args)

    def refused(self) -> None:
        """Something was refused: a transaction that is being put together is none any more."""
        if self.queued is not None:
            self.spoiled = True

    def submit(self, space: Space, args: Arguments, writes: bool) -> Reply:
        """Give one command to a space; its reply is the reply."""
        raise NotImplementedError

    def send(self, reply: Reply) -> None:
        """Put a reply behind the others."""
        raise NotImplementedError

    def push(self, reply: Reply) -> None:
        """Send something that nobody asked for."""
        raise NotImplementedError

    def close(self) -> None:
        """Let the client go."""
        raise NotImplementedError

    def end(self) -> None:
        """Let it go behind the next reply."""
        raise NotImplementedError
