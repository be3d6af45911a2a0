"""Calls of a type's methods, with what must be true of any single call.

What raises breaks a law, and so do changed arguments and values that MessagePack cannot carry.
Everything handed to the type is remembered: a state that keeps a body and changes it later is
found at the end of the run.
"""

from typing import Any

from plait.base.causality import Context
from plait.base.codec import decode, encode
from plait.base.errors import BadFrame, PlaitError
from plait.check.laws.contract import Event, Subject
from plait.check.laws.image import image
from plait.check.laws.law import ARGUMENTS, CARRIED, GARBAGE, REFUSES, TOTAL, Broken
from plait.check.laws.past import CLEAR, ELSEWHERE, Moment

JUNK: tuple[Any, ...] = (
    None, "garbage", b"garbage", [], {}, ["garbage"], [[[]]], {"garbage": None},
    [None, None], ["garbage", "garbage", "garbage"], [[], {}, None],
)  # fmt: skip


class Guard:
    """A type whose calls are watched."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.garbage = False  # a body that makes no sense was written: exceptions are due to it
        self.counts: dict[str, int] = {}  # how often each law was tried
        self._handed: list[tuple[str, Any, bytes]] = []

    def count(self, law: str) -> None:
        """The law was tried once more."""
        self.counts[law] = self.counts.get(law, 0) + 1

    def call(self, method: str, *arguments: Any) -> Any:
        """The method's answer."""
        self.count(TOTAL)
        try:
            return getattr(self.subject, method)(*arguments)
        except Exception as error:
            law = GARBAGE if self.garbage else TOTAL
            kind = type(error).__name__
            raise Broken(law, f"`{method}` raised {kind}: {_line(error)}") from error

    def carried(self, what: str, thing: Any) -> bytes:
        """`thing` encoded."""
        self.count(CARRIED)
        try:
            return encode(thing)
        except Exception as error:
            raise Broken(CARRIED, f"{what} cannot be encoded: {_line(error)}: {thing!r}") from error

    def image(self, what: str, thing: Any) -> bytes:
        """`thing` as bytes to compare."""
        try:
            return image(thing)
        except Exception as error:
            raise Broken(CARRIED, f"{what} cannot be encoded: {_line(error)}: {thing!r}") from error

    def state_image(self, state: Any) -> bytes:
        """Everything that the state tells others."""
        return self.image("a state's delta", self.call("delta", state, None))

    def value_image(self, state: Any) -> bytes:
        """The state's value as bytes to compare."""
        return self.image("a value", self.call("value", state))

    # ------------------------------------------------------------------ changing a state

    def happen(self, state: Any, moment: Moment, context: Context | None = None) -> None:
        """The event reaches a state by the road of events."""
        if moment.kind == ELSEWHERE:
            return
        event = Event(*moment.dot, moment.hlc, moment.context if context is None else context)
        if moment.kind == CLEAR:
            self.call("clear", state, event)
        else:
            self.apply(state, decode(moment.body), event)

    def apply(self, state: Any, body: Any, event: Event) -> None:
        """Apply a body and see that it stays as it is."""
        before = self.image("a body", body)
        self.call("apply", state, body, event)
        self._watch("`apply` changed the body that it was given", body, before)

    def join(self, state: Any, data: bytes, mine: Context, theirs: Context, whole: bool) -> None:
        """Join data as it came from the wire and see that it stays as it is."""
        read = decode(data)
        vectors = (dict(mine), dict(theirs))
        self.call("join", state, read, mine, theirs, whole)
        if (dict(mine), dict(theirs)) != vectors:
            raise Broken(ARGUMENTS, "`join` changed a vector that it was given")
        self._watch("`join` changed the data that it was given", read, image(decode(data)))

    def _watch(self, complaint: str, thing: Any, before: bytes) -> None:
        self.count(ARGUMENTS)
        if image(thing) != before:
            raise Broken(ARGUMENTS, f"{complaint}: it is now {thing!r}")
        self._handed.append((complaint, thing, before))

    def untouched(self) -> None:
        """Whatever was handed to the type still is as it was."""
        for complaint, thing, before in self._handed:
            if image(thing) != before:
                raise Broken(ARGUMENTS, f"{complaint}, later on: it is now {thing!r}")

    def join_junk(self, state: Any, data: Any, vector: Context, whole: bool) -> None:
        """Data that makes no sense is refused with `BadFrame`, or taken."""
        before = self.state_image(state)
        try:
            self.subject.join(state, data, vector, vector, whole)
        except BadFrame:
            if self.state_image(state) != before:
                raise Broken(
                    REFUSES, f"`join` refused {data!r} after it had changed the state"
                ) from None
        except Exception as error:
            kind = type(error).__name__
            raise Broken(
                REFUSES, f"`join` of {data!r} raised {kind}, not BadFrame: {_line(error)}"
            ) from error

    def prepare(self, state: Any, mutation: Any, here: Any) -> Any:
        """The body, or None if the type refuses."""
        try:
            return self.subject.prepare(state, mutation, here)
        except PlaitError:
            return None
        except Exception as error:
            kind = type(error).__name__
            raise Broken(
                TOTAL, f"`prepare` of {mutation!r} raised {kind}: {_line(error)}"
            ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
