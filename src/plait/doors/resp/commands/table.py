"""The table of commands: what each is called, how many arguments it takes, where its keys stand.

A handler raises `Complaint` to refuse. Invariant: it does so before it changes anything.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from plait.doors.resp.keyspace import Keyspace
from plait.doors.resp.replies import Failed, Reply

Arguments = list[bytes]
Handler = Callable[[Keyspace, Arguments], Reply]
Places = tuple[int, int, int]  # of the first key, the last (negative: from the end), and the step

NO_KEYS: Final[Places] = (0, 0, 0)
ONE_KEY: Final[Places] = (1, 1, 1)
ALL_KEYS: Final[Places] = (1, -1, 1)
COUNTED: Final[Places] = (0, -1, 0)  # argument -last says how many follow it


class Command(NamedTuple):
    """One command. arity: how many words it has; negative: at least so many."""

    name: str
    handler: Handler
    arity: int
    writes: bool
    places: Places
    counted_at: int = 0  # where the number of keys stands, for those that say it

    def keys(self, args: Arguments) -> Arguments:
        """The keys among the words of a command, as far as they can be told."""
        if self.counted_at:
            try:
                count = int(args[self.counted_at])
            except ValueError:
                count = 0
            first = self.counted_at + 1
            named = args[first : first + max(count, 0)]
            return [args[1], *named] if self.places is ONE_KEY else named
        first, last, step = self.places
        if not first:
            return []
        return args[first : (len(args) + last if last < 0 else last) + 1 : step]


TABLE: Final[dict[bytes, Command]] = {}  # by name, in upper and in lower case


def reads(
    name: str, arity: int, places: Places = ONE_KEY, counted_at: int = 0
) -> Callable[[Handler], Handler]:
    """Register a command that only reads."""
    return _register(name, arity, False, places, counted_at)


def writes(
    name: str, arity: int, places: Places = ONE_KEY, counted_at: int = 0
) -> Callable[[Handler], Handler]:
    """Register a command that may change something."""
    return _register(name, arity, True, places, counted_at)


def _register(
    name: str, arity: int, does_write: bool, places: Places, counted_at: int
) -> Callable[[Handler], Handler]:
    def put(handler: Handler) -> Handler:
        command = Command(name, handler, arity, does_write, places, counted_at)
        TABLE[name.upper().encode()] = TABLE[name.lower().encode()] = command
        return handler

    return put


def find(name: bytes) -> Command | None:
    """The command of that name, however it is written."""
    return TABLE.get(name) or TABLE.get(name.upper())


def arity_fits(arity: int, count: int) -> bool:
    """Whether so many words are right."""
    return count == arity if arity >= 0 else count >= -arity


def wrong_arity(name: str) -> Failed:
    """What Redis says of the wrong number of words."""
    return Failed(f"ERR wrong number of arguments for '{name.lower()}' command")


def unknown(args: Arguments) -> Failed:
    """What Redis says of a command that it does not have."""
    name = _shown(args[0][:128])
    told = ""
    for word in args[1:]:
        if len(told) >= 128:
            break
        told += f"'{_shown(word[: 128 - len(told)])}' "
    return Failed(f"ERR unknown command '{name}', with args beginning with: {told}")


def _shown(word: bytes) -> str:
    return word.decode("latin-1")
