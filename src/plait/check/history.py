"""A history: what clients asked, what they were told, and in which order it was seen.

A history is made of *events*; an `Operation` is an invocation together with its completion. The
order of the events is the only clock: operation A precedes B if A's completion stands before B's
invocation. Seconds are kept for pictures, and never compared.

::

    invoke ──► ok      it happened, somewhere between the two events
           ──► fail    it certainly did not happen
           ──► info    nobody knows: it may take effect at any later time, or never
           (nothing)   the same as info

Invariant: of one process at most one operation is open at a time. A process whose operation ended
with `info` may be gone or may go on; either is fine.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from plait.base.errors import UsageError

EventType: TypeAlias = Literal["invoke", "ok", "fail", "info"]
Outcome: TypeAlias = Literal["ok", "info"]
Process: TypeAlias = int | str

# Processes that break things instead of using them; what they say is no operation.
NEMESES = ("nemesis", ":nemesis")

_TYPES = get_args(EventType)


class BadHistory(UsageError):
    """A history that cannot be read; `details` has `file` and `line` where they are known."""

    advice = "docs/check.md has the formats"


class Event(msgspec.Struct, gc=False):
    """One line of a history. `value` is `UNSET` where nothing was said."""

    process: Process
    type: EventType
    f: str | None = None
    key: Any = None
    value: Any = msgspec.UNSET
    time: float | None = None  # seconds, from any beginning
    version: int | None = None  # of the row that was written or read
    refused: bool = False  # a fail because the condition did not hold: that is an observation
    error: str | None = None


class Operation(msgspec.Struct, frozen=True, gc=False):
    """One operation that happened (`ok`), or that may have (`info`)."""

    process: Process
    f: str
    key: Any
    argument: Any  # what was asked, `UNSET` if nothing was said
    result: Any  # what was answered, `UNSET` if nothing was said
    outcome: Outcome
    invoked: int  # number of the event
    returned: int | None  # number of the event; None while nobody knows
    started_s: float | None = None
    ended_s: float | None = None
    version: int | None = None
    refused: bool = False
    line: int = 0  # of the invocation, in its file; 0 if it came from no file

    @property
    def definite(self) -> bool:
        """It happened, for certain."""
        return self.outcome == "ok"


class History(msgspec.Struct, frozen=True):
    """Operations in the order of their invocation, and where they come from."""

    operations: tuple[Operation, ...]
    source: str = "history"
    format: str = "events"
    failed: int = 0  # operations that certainly did not happen, and said nothing else

    def __len__(self) -> int:
        return len(self.operations)


def pair(
    events: Iterable[tuple[int, Event]], source: str = "history", form: str = "events"
) -> History:
    """The operations of (line number, event) pairs; `BadHistory` if they make no sense."""
    begun: dict[Process, tuple[int, int, Event]] = {}
    operations: list[Operation] = []
    failed = number = line = 0
    for number, (line, event) in enumerate(events):
        process = event.process
        if process in NEMESES:
            continue
        if event.type == "invoke":
            if event.f is None:
                raise bad(source, line, "an invocation has no function: name it as `f`")
            if process in begun:
                raise bad(
                    source, line, f"process {process} invokes {event.f!r} while its operation of "
                    f"line {begun[process][0]} is open: complete that one first, with `info` if "
                    "nobody knows what became of it",
                )  # fmt: skip
            begun[process] = (line, number, event)
            continue
        found = begun.pop(process, None)
        if found is None:
            raise bad(
                source, line, f"process {process} completes an operation that it never invoked: "
                "is the beginning of the history missing?",
            )  # fmt: skip
        _check_pair(source, line, found[2], event)
        if event.type == "fail" and not event.refused:
            failed += 1
        else:
            operations.append(_operation(found, number, event))
    operations += [_operation(found, None, None) for found in begun.values()]
    operations.sort(key=lambda operation: operation.invoked)
    return History(tuple(operations), source, form, failed)


def from_events(events: Iterable[Mapping[str, Any]], source: str = "history") -> History:
    """A history from dicts with the fields of `Event`, in their order."""
    return pair(_converted(events, source), source)


def _converted(events: Iterable[Mapping[str, Any]], source: str) -> Iterable[tuple[int, Event]]:
    for number, event in enumerate(events, 1):
        try:
            yield number, msgspec.convert(event, Event)
        except msgspec.ValidationError as error:
            raise bad(source, number, f"not an event: {error}") from None


def bad(source: str, line: int, message: str) -> BadHistory:
    """The error that names file and line."""
    place = f"{source}:{line}" if line else source
    return BadHistory(f"{place}: {message}", file=source, line=line)


def _check_pair(source: str, line: int, invoke: Event, event: Event) -> None:
    if event.f is not None and event.f != invoke.f:
        raise bad(
            source, line, f"process {event.process} completes {event.f!r} but has {invoke.f!r} "
            "open: events of two processes share a number, or lines are missing",
        )  # fmt: skip
    if event.key is not None and event.key != invoke.key:
        raise bad(
            source, line, f"process {event.process} completes an operation on key {event.key!r} "
            f"but has one on {invoke.key!r} open",
        )  # fmt: skip


def _operation(
    begun: tuple[int, int, Event], returned: int | None, event: Event | None
) -> Operation:
    line, invoked, invoke = begun
    definite = event is not None and event.type != "info"
    return Operation(
        process=invoke.process,
        f=invoke.f or "",
        key=invoke.key,
        argument=invoke.value,
        result=event.value if event is not None and definite else msgspec.UNSET,
        outcome="ok" if definite else "info",
        invoked=invoked,
        returned=returned if definite else None,
        started_s=invoke.time,
        ended_s=event.time if event is not None and definite else None,
        version=event.version if event is not None else None,
        refused=event is not None and event.refused,
        line=line,
    )


# ------------------------------------------------------------------------------- values


class Encoded(msgspec.Struct, frozen=True):
    """A value that Python cannot hash, or confuses with another (`1 == 1.0 == True`)."""

    json: bytes


def freeze(value: Any) -> Hashable:
    """`value` as something to compare and hash: equal only if its JSON is equal."""
    if value is None or type(value) is str or type(value) is int:
        return value
    if value is msgspec.UNSET:
        return None
    try:
        return Encoded(msgspec.json.encode(value, order="deterministic"))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadHistory(f"a value of this history is not JSON: {error}") from None


def thaw(value: Hashable) -> Any:
    """What `freeze` was given."""
    return msgspec.json.decode(value.json) if isinstance(value, Encoded) else value


Progress: TypeAlias = Callable[[int, int], None]  # parts done, parts in all
Operations: TypeAlias = Sequence[Operation]
