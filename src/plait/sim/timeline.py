"""What happened in a world as lanes, spans and marks: what `page` draws.

Every machine has a lane. A *span* is a time during which something held (down, stopped, a full
disk, a cut path, an operation of a client), a *mark* is a moment. What had not ended when the
world did ends with it.
"""

from collections.abc import Iterator, Sequence

import msgspec

from plait.sim.trace import Happening

WORLD = "world"
_STAGE_HANDS = ("prepare", "finish")  # clients that only set the stage
_OPERATION = ("invoke", "ok", "fail", "info")
_CLOSES = {  # what ends a span, by the span's kind
    "down": ("start",),
    "stopped": ("go on", "kill", "power cut"),
    "full disk": ("disk has space",),
    "stalled": ("disk goes on",),
    "slow": ("as fast as before",),
    "unruly": ("in order again",),
}
_OPENS = {
    "kill": "down",
    "power cut": "down",
    "stop": "stopped",
    "disk full": "full disk",
    "disk stalls": "stalled",
    "slow": "slow",
    "unruly": "unruly",
}
_UNMARKED = {
    *_OPERATION,
    "go on",
    "disk has space",
    "disk goes on",
    "as fast as before",
    "mend",
    "cut",
}


class Span(msgspec.Struct):
    """A time during which something held."""

    kind: str
    start_s: float
    end_s: float
    text: str
    row: int = 0  # of spans that overlap, in one lane


class Mark(msgspec.Struct, frozen=True):
    """A moment."""

    kind: str
    at_s: float
    text: str


class Cut(msgspec.Struct, frozen=True):
    """A moment at which nothing got through any more, from one lane to another."""

    at_s: float
    source: str
    target: str


class Lane(msgspec.Struct):
    """One machine."""

    name: str
    spans: list[Span] = []  # how it was
    operations: list[Span] = []
    marks: list[Mark] = []

    @property
    def rows(self) -> int:
        """How many operations are under way at once, at most."""
        return max((one.row for one in self.operations), default=-1) + 1


class Timeline:
    """A whole run."""

    def __init__(self, happenings: Sequence[Happening]) -> None:
        self.end_s = max((one.at_s for one in happenings), default=0.0)
        self.lanes: dict[str, Lane] = {}
        self.cuts: list[Cut] = []
        self._open: dict[tuple[str, str], Span] = {}  # by lane and kind
        self._paths: dict[tuple[str, str], tuple[Span, Span]] = {}
        self._asked: dict[str, list[Span]] = {}
        for one in happenings:
            if one.at_s < self.end_s or one.kind not in ("kill", "stop"):  # how every world ends
                self._take(one)

    def ordered(self) -> Iterator[Lane]:
        """The world's lane, nodes, clients that did something."""
        for lane in sorted(self.lanes.values(), key=lambda lane: _place(lane.name)):
            if lane.name not in _STAGE_HANDS or lane.operations:
                yield lane

    def _take(self, one: Happening) -> None:
        lane = self._lane(WORLD if one.who == "paths" else one.who)
        if one.kind in _OPERATION:
            self._operation(lane, one)
            return
        for kind, closes in _CLOSES.items():
            if one.kind in closes:
                self._close(lane.name, kind, one.at_s)
        if one.kind in _OPENS:
            self._begin(lane, _OPENS[one.kind], one)
        if one.kind == "cut":
            self._cut(lane, one)
        if one.kind == "mend":
            self._mend(one)
        if one.kind not in _UNMARKED or (one.kind == "mend" and lane.name == WORLD):
            text = " ".join(filter(None, (one.kind, one.what, one.other)))
            lane.marks.append(Mark(one.kind, one.at_s, text))

    def _lane(self, name: str) -> Lane:
        return self.lanes.setdefault(name, Lane(name))

    def _begin(self, lane: Lane, kind: str, one: Happening) -> None:
        if (lane.name, kind) not in self._open:
            span = Span(kind, one.at_s, self.end_s, f"{kind} after {one.kind}")
            self._open[lane.name, kind] = span
            lane.spans.append(span)

    def _close(self, lane: str, kind: str, at_s: float) -> None:
        span = self._open.pop((lane, kind), None)
        if span is not None:
            span.end_s = at_s

    # ------------------------------------------------------------------ paths

    def _cut(self, lane: Lane, one: Happening) -> None:
        if not {lane.name, one.other}.isdisjoint(_STAGE_HANDS):
            return
        ways = [(lane.name, one.other)]
        ways += [(one.other, lane.name)] if one.what == "both ways" else []
        for source, target in ways:
            self.cuts.append(Cut(one.at_s, source, target))
            if (source, target) in self._paths:
                continue
            sender = Span("cut", one.at_s, self.end_s, f"not heard by {target}")
            receiver = Span("cut", one.at_s, self.end_s, f"does not hear {source}")
            self._lane(source).spans.append(sender)
            self._lane(target).spans.append(receiver)
            self._paths[source, target] = (sender, receiver)

    def _mend(self, one: Happening) -> None:
        ways = [(one.who, one.other)]
        ways += [(one.other, one.who)] if one.what == "both ways" else []
        for way in ways if one.other else list(self._paths):
            for span in self._paths.pop(way, ()):
                span.end_s = one.at_s
        if one.who == WORLD:  # everything is put right
            for lane, kind in list(self._open):
                if kind == "full disk":
                    self._close(lane, kind, one.at_s)

    # ------------------------------------------------------------------ operations

    def _operation(self, lane: Lane, one: Happening) -> None:
        asked = self._asked.setdefault(one.who, [])
        name = one.what.split(" ", 1)[0]
        if one.kind == "invoke":
            taken = {span.row for span in asked}
            row = next(row for row in range(len(taken) + 1) if row not in taken)
            span = Span("open", one.at_s, self.end_s, one.what, row)
            asked.append(span)
            lane.operations.append(span)
            return
        span = next(
            (span for span in asked if span.text.split(" ", 1)[0] == name), Span("", 0, 0, "")
        )
        if span in asked:
            asked.remove(span)
        span.kind, span.end_s = one.kind, one.at_s
        span.text = f"{span.text} → {one.what.removeprefix(name).strip() or one.kind}"


def _place(name: str) -> tuple[int, str, int]:
    """The world first, then nodes (n1), then the others; numbers as numbers."""
    letters = name.rstrip("0123456789")
    number = int(name[len(letters) :] or 0)
    return (0 if name == WORLD else 1 if letters == "n" and number else 2, letters, number)
