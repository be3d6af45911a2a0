"""What a library of texts has to do to be measured, and which there are.

Each lives in a module of its own and a worker imports only the one that it measures, because memory
and the first use are measured too. Every position is in the units that the library counts.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, runtime_checkable

from plait.bench.text_traces import Edit, Trace

BYTES, CODE_POINTS = "bytes", "code points"


class Text(Protocol):
    """One replica of one text."""

    def type(self, edits: Sequence[Edit]) -> None:
        """Make local edits, one after another, as a user of the library does."""
        ...

    def say(self, edits: Sequence[Edit]) -> bytes:
        """Make these local edits at once; an update that tells others."""
        ...

    def hear(self, update: bytes) -> None:
        """Take in an update; those that it builds on were heard before."""
        ...

    def news(self) -> bytes:
        """What is sent to a replica that lacks much: what it had not when this was asked last."""
        ...

    def catch_up(self, news: bytes) -> None:
        """Take in what `news` gave."""
        ...

    def untold(self) -> bytes:
        """One update of everything done here by `type` since this was asked last."""
        ...

    def text(self) -> str:
        """The text as it is now."""
        ...

    def save(self, history: bool) -> bytes:
        """The document as kept on disk; with its history, or as little of that as is possible."""
        ...


class System(Protocol):
    """A library."""

    name: str
    units: str  # BYTES or CODE_POINTS

    def new(self, agent: int = 0) -> Text:
        """An empty replica of this author."""
        ...

    def open(self, data: bytes) -> Text:
        """The document that `save` gave, as far as is needed to read its text."""
        ...


@runtime_checkable
class EventSystem(System, Protocol):
    """A library that takes the events of a graph as they are, without updates made of them."""

    def writer(self, agent: int) -> Text:
        """An empty replica of this author, who says and hears in turn."""
        ...

    def arrive(self, trace: Trace) -> "Arrival":
        """A new reader, and what is to come."""
        ...


class Arrival(Protocol):
    """The events of a trace, made ready for a reader."""

    def one_by_one(self) -> str:
        """Take each in as it comes; the text."""
        ...

    def at_once(self) -> str:
        """Take the whole graph in, event by event, but at once; the text."""
        ...

    def document(self) -> bytes:
        """What a replica that has them all sends to one that has nothing, with its history."""
        ...

    def as_state(self, document: bytes) -> str:
        """Take that in; the text."""
        ...


PLAIT = "plait"
PEERS = ("pycrdt", "loro")
_CLASSES = {"plait": "Plait", "pycrdt": "Pycrdt", "loro": "Loro"}


def system(name: str) -> System:
    """The library of this name; ImportError if it is not there."""
    found: System = getattr(import_module(f"plait.bench.text_{name}"), _CLASSES[name])()
    return found
