"""The suite: many schedules for one type, until a law breaks.

Absent: names of types, progress bars, exit codes; `plait laws` has those.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from plait.check.laws.contract import Subject
from plait.check.laws.diagram import draw_diagram
from plait.check.laws.drawing import draw
from plait.check.laws.judge import OBSERVER
from plait.check.laws.law import LAWS, REFUSES, Broken, Side
from plait.check.laws.probes import probe
from plait.check.laws.shrink import Shrinking
from plait.check.laws.steps import Probe, Schedule
from plait.check.laws.world import World

SCHEDULES = 1_000  # when nobody says how many
LOOK_FURTHER = 60  # seeds after the first that fails: a later one may be easier to understand
SHRUNK_MAX = 3


class Counterexample(msgspec.Struct, frozen=True):
    """A law that does not hold, and the smallest run that shows it."""

    law: str
    text: str
    seed: int
    schedule: Schedule
    diagram: str
    sides: tuple[Side, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Steps and replicas."""
        return (len(self.schedule.steps), len(self.schedule.ids))

    def explain(self, replay: str) -> str:
        """Everything for a person; `replay` is the command that shows it again."""
        lines = [
            f"broken law: {self.law}", f"  {LAWS[self.law]}", "", self.diagram, "",
            f"then: {self.text}",
        ]  # fmt: skip
        for side in self.sides:
            lines += ["", f"  {side.name}", f"    value      {side.value}"]
            lines += [f"    canonical  {side.canonical}"] if side.canonical else []
        if any(side.name == OBSERVER for side in self.sides):
            lines += ["", f"{OBSERVER} is a replica that was given the same events one by one"]
        return "\n".join([*lines, "", f"replay: {replay}"])


class Report(msgspec.Struct):
    """What was found out about a type."""

    schedules: int = 0  # how many were tried, up to the first that broke a law
    counts: dict[str, int] = {}  # how often each law was tried
    broken: Counterexample | None = None


class _Found(NamedTuple):
    seed: int
    world: World
    broken: Broken


def check_type(
    subject: Subject,
    seeds: Iterable[int] = range(SCHEDULES),
    replicas: int | None = None,
    steps: int | None = None,
    hostile: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Try the schedules of the seeds, until a law breaks; that is shrunk.

    replicas: 2 to 4; else each seed draws how many. steps: so many before everybody is brought
    together; else drawn. hostile: join nonsense too, as an evil peer would send. progress: is
    called with the number of schedules tried.
    """
    report = Report(counts=dict.fromkeys(LAWS, 0))
    found: list[_Found] = []
    further = LOOK_FURTHER
    for seed in seeds:
        world, broken = _run(subject, _schedule(seed, replicas, steps, hostile))
        if not found:
            report.schedules += 1
            for law, count in world.guard.counts.items():
                report.counts[law] += count
            progress(report.schedules)
        else:
            further -= 1
        if broken is not None and (not found or broken.law == found[0].broken.law):
            found.append(_Found(seed, world, broken))
        if not further:
            break
    if found:
        found.sort(key=lambda one: len(one.world.done))
        examples = [_counterexample(subject, one) for one in found[:SHRUNK_MAX]]
        report.broken = min(examples, key=lambda example: example.size)
    return report


def assert_laws(subject: Any, seeds: Iterable[int] = range(SCHEDULES)) -> None:
    """For tests: `AssertionError` with the counterexample if the type breaks a law."""
    broken = check_type(subject, seeds).broken
    if broken is not None:
        kind = type(subject)
        target = f"{kind.__module__}:{kind.__qualname__}"
        raise AssertionError("\n" + broken.explain(f"plait laws {target} --seed {broken.seed}"))


def _schedule(seed: int, replicas: int | None, steps: int | None, hostile: bool) -> Schedule:
    drawn = draw(seed, replicas, steps)
    if hostile:
        return drawn
    kept = [step for step in drawn.steps if not (isinstance(step, Probe) and step.law == REFUSES)]
    return msgspec.structs.replace(drawn, steps=tuple(kept))


def _run(subject: Subject, schedule: Schedule) -> tuple[World, Broken | None]:
    world = World(subject, schedule, probe)
    try:
        world.run()
    except Broken as broken:
        world.guard.counts.setdefault(broken.law, 1)
        return world, broken
    return world, None


def _counterexample(subject: Subject, first: _Found) -> Counterexample:
    def fails(schedule: Schedule) -> Schedule | None:
        again, found = _run(subject, schedule)
        if found is None or found.law != first.broken.law:
            return None
        return again.lived

    smallest = Shrinking(fails).smallest(first.world.lived)
    last, found = _run(subject, smallest)
    if found is None:  # the type does not do the same twice: show what was seen
        last, found, smallest = first.world, first.broken, first.world.lived
    names = [site.name for site in last.sites]
    diagram = draw_diagram(names, last.marks)
    return Counterexample(found.law, found.text, first.seed, smallest, diagram, found.sides)
