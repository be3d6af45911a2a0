"""Many seeds: which are next, what came of them, and which failures are the same.

A campaign is a value that whoever runs the seeds asks for the next one and tells what came of it.
It knows no processes and no clock; `plait sim` has both.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from plait.sim.report import Choice
from plait.sim.run import Outcome, simulate

_TEXT_MAX = 20_000  # characters of a problem that a worker sends
_FIRST_LINE_MAX = 160


class Task(msgspec.Struct, frozen=True):
    """A seed for a worker."""

    seed: int
    choice: Choice


class Found(msgspec.Struct, frozen=True):
    """One problem of one seed."""

    kind: str
    text: str


class Result(msgspec.Struct, frozen=True):
    """What came of a seed."""

    seed: int
    problems: tuple[Found, ...] = ()
    digest: str = ""
    virtual_s: float = 0.0
    real_s: float = 0.0
    operations: int = 0


class Group(msgspec.Struct, frozen=True):
    """Seeds that failed in the same way."""

    kind: str
    first_line: str  # normalised
    seeds: tuple[int, ...]
    text: str  # of the first


def run_task(task: Task) -> Result:
    """Run one seed; whatever it raises is a problem."""
    try:
        return summarised(simulate(task.choice.draw(task.seed)))
    except Exception as error:
        return Result(task.seed, (Found("error", f"{type(error).__name__}: {error}"),))


def summarised(outcome: Outcome) -> Result:
    """An outcome without what is long."""
    return Result(
        outcome.config.seed,
        tuple(Found(one.kind, one.text[:_TEXT_MAX]) for one in outcome.problems),
        outcome.digest,
        outcome.virtual_s,
        outcome.real_s,
        outcome.operations,
    )


class Campaign:
    """Seeds from `start` on, `count` of them (None: until somebody stops it)."""

    def __init__(self, choice: Choice, start: int, count: int | None) -> None:
        self.choice = choice
        self.start = start
        self.count = count
        self.next = start
        self.stopped = False
        self.results: list[Result] = []

    def take(self) -> Task | None:
        """The next seed, or None if there are enough."""
        if self.stopped or (self.count is not None and self.next >= self.start + self.count):
            return None
        self.next += 1
        return Task(self.next - 1, self.choice)

    def tell(self, result: Result) -> None:
        """A seed was run."""
        self.results.append(result)

    @property
    def failed(self) -> list[Result]:
        """What failed, by seed."""
        return sorted((one for one in self.results if one.problems), key=lambda one: one.seed)

    def groups(self) -> list[Group]:
        """Failures that look alike, the most frequent first."""
        return sorted(_grouped(self.failed), key=lambda group: (-len(group.seeds), group.seeds))


def _grouped(results: Sequence[Result]) -> Iterator[Group]:
    """By kind and first line; a seed counts where its first problem belongs."""
    alike: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        first = result.problems[0]
        alike.setdefault((first.kind, first_line(first.text)), []).append(result)
    for (kind, line), found in alike.items():
        yield Group(kind, line, tuple(one.seed for one in found), found[0].problems[0].text)


_FRAME = re.compile(r'File ".*?plait/([\w/]+)\.py", line \d+, in (\w+)')
_VARYING = (
    (re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{12,}\b"), "…"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "'…'"),
    (re.compile(r"\b[a-z]{1,3}\d+(\.\d+)*\b"), "…"),  # n2, r0, k1.0
    (re.compile(r"\d+(\.\d+)?"), "…"),
)


def first_line(text: str) -> str:
    """A problem's first line without what differs from seed to seed: numbers, names, quotations.

    A traceback is known by its last line, and whoever waits by where that is.
    """
    lines = [line for line in text.splitlines() if line.strip()] or [""]
    line = lines[0]
    if "Traceback (most recent call last)" in line and len(lines) > 1:
        line = lines[-1]
    elif frames := _FRAME.findall(text):
        line = f"{line} {'.'.join(frames[-1])}"
    for pattern, to in _VARYING:
        line = pattern.sub(to, line)
    return line[:_FIRST_LINE_MAX]
