"""What clients asked for, and what became of each of it: the material of most judges.

Every operation has a token of its own, which writes leave behind where they can be counted.

Invariants: an operation was *refused* only if an error said so for certain; it stays *unknown*
until it is answered, also if whoever asked has given up. The numbers of events are a true order,
as a history's are.
"""

from collections import Counter
from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Literal, TypeVar

import msgspec

from plait import Receipt, TableRow
from plait.base.errors import PlaitError
from plait.check import History, Operation
from plait.sim.world import World

T = TypeVar("T")


class Deed(msgspec.Struct):
    """One operation."""

    token: str
    f: str  # what was done
    key: Any  # to what
    argument: Any
    who: str  # a client, or a session
    invoked: int
    started_s: float
    fate: Literal["acknowledged", "refused", "unknown"] = "unknown"
    objected: bool = False  # refused because of what was found there: that is an observation
    error: str = ""  # its code
    result: Any = None
    returned: int | None = None
    ended_s: float | None = None


class Record:
    """Every deed by its token, in the order of invocation."""

    def __init__(self, world: World) -> None:
        self.deeds: dict[str, Deed] = {}
        self._world = world
        self._events = count()
        self._tokens = count(1)

    def token(self, who: str) -> str:
        """A new one."""
        return f"{who}.{next(self._tokens)}"

    async def do(
        self,
        token: str,
        f: str,
        use: Awaitable[T],
        *,
        key: Any = None,
        argument: Any = None,
        who: str = "",
        objections: tuple[type[PlaitError], ...] = (),
    ) -> T:
        """Await `use` and note what came of it; its errors are raised."""
        world = self._world
        deed = Deed(token, f, key, argument, who, next(self._events), world.now())
        self.deeds[token] = deed
        world.trace.note("invoke", token, f"{f} {key} {argument}")
        try:
            found = await use
        except PlaitError as error:
            deed.error = error.code
            if error.definite:
                deed.objected = isinstance(error, objections)
                self._end(deed, "refused")
            world.trace.note(deed.fate, token, error.code)
            raise
        deed.result = found
        self._end(deed, "acknowledged")
        world.trace.note("ok", token)
        return found

    def _end(self, deed: Deed, fate: Literal["acknowledged", "refused"]) -> None:
        deed.fate, deed.returned, deed.ended_s = fate, next(self._events), self._world.now()

    @property
    def end(self) -> int:
        """A number behind every event."""
        return 2 * len(self.deeds)

    def of(self, *fs: str, key: Any = None) -> list[Deed]:
        """The deeds of these kinds, to everything or to one key."""
        deeds = self.deeds.values()
        return [deed for deed in deeds if deed.f in fs and key in (None, deed.key)]

    def answered(self, *fs: str, key: Any = None) -> list[Deed]:
        """Those of them that were acknowledged."""
        return [deed for deed in self.of(*fs, key=key) if deed.fate == "acknowledged"]


def accounts_for(deeds: Iterable[Deed], found: Collection[str], where: str) -> Iterator[str]:
    """What was found against what was asked: nothing lost, doubled, refused or made up."""
    asked = {deed.token: deed for deed in deeds}
    times = Counter(found)
    for token, deed in asked.items():
        if deed.fate == "acknowledged" and not times[token]:
            yield f"{where}: {deed.f} {token} was acknowledged and is lost"
    for token, number in times.items():
        if number > 1:
            yield f"{where}: {token} is there {number} times"
        if token not in asked:
            yield f"{where}: nobody asked for {token}"
        elif asked[token].fate == "refused":
            yield f"{where}: {asked[token].f} {token} was refused for certain and is there"


def out_of_order(deeds: Iterable[Deed], places: Mapping[str, float], where: str) -> Iterator[str]:
    """Deeds that stand before others that had ended when they began.

    places: of those whose place in the one order is known; reads that saw the same share one.
    """
    placed = [deed for deed in deeds if deed.token in places]
    done = sorted((deed for deed in placed if deed.fate == "acknowledged"), key=_returned)
    latest: Deed | None = None
    behind = 0
    for deed in sorted(placed, key=lambda deed: deed.invoked):
        while behind < len(done) and _returned(done[behind]) < deed.invoked:
            if latest is None or places[done[behind].token] > places[latest.token]:
                latest = done[behind]
            behind += 1
        if latest is not None and places[deed.token] < places[latest.token]:
            yield (
                f"{where}: {deed.f} {deed.token} stands before {latest.f} {latest.token}, "
                "which had ended when it began"
            )


def history_of(deeds: Iterable[Deed], source: str) -> History:
    """The deeds as `plait.check` reads them."""
    found = [_operation(deed) for deed in deeds if deed.fate != "refused" or deed.objected]
    return History(tuple(sorted(found, key=lambda operation: operation.invoked)), source)


def is_prefix(one: Sequence[Any], whole: Sequence[Any]) -> bool:
    """Whether `whole` begins with `one`."""
    return list(whole[: len(one)]) == list(one)


def _returned(deed: Deed) -> int:
    assert deed.returned is not None
    return deed.returned


def _operation(deed: Deed) -> Operation:
    result, version = deed.result, None
    if isinstance(result, Receipt | TableRow):
        version = result.version
        result = result.value if isinstance(result, TableRow) else msgspec.UNSET
    unknown = deed.fate == "unknown"
    return Operation(
        process=deed.who or deed.token,
        f=deed.f,
        key=deed.key,
        argument=deed.argument,
        result=msgspec.UNSET if unknown else result,
        outcome="info" if unknown else "ok",
        invoked=deed.invoked,
        returned=None if unknown else deed.returned,
        started_s=deed.started_s,
        ended_s=deed.ended_s,
        version=version,
        refused=deed.objected,
    )
