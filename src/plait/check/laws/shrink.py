"""The smallest schedule that still breaks the law.

Steps and replicas are left out, then batches are made shorter, then clocks, ids and arguments are
made plain; each change stays if the same law is still broken. Everything is tried again until
nothing helps any more or the trials are used up; there is no clock here.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from plait.check.laws.steps import Mutate, Schedule, Step, Write

TRIALS_MAX = 3_000


class Shrinking:
    """One search; `fails` gives the steps that were possible if the same law broke, else None."""

    def __init__(self, fails: Callable[[Schedule], Schedule | None]) -> None:
        self._fails = fails
        self.trials = 0

    def smallest(self, schedule: Schedule) -> Schedule:
        """A schedule from which nothing can be taken away."""
        while True:
            before = schedule
            schedule = self._fewer_steps(schedule)
            for change in (_shorter_batches, _plainer_arguments, _plainer_setup):
                schedule = self._changed(schedule, change)
            if schedule == before or self.trials >= TRIALS_MAX:
                return schedule

    def _try(self, schedule: Schedule) -> Schedule | None:
        if self.trials >= TRIALS_MAX:
            return None
        self.trials += 1
        return self._fails(schedule)

    def _fewer_steps(self, schedule: Schedule) -> Schedule:
        for site in reversed(range(len(schedule.ids))):
            kept = tuple(step for step in schedule.steps if step.site != site)
            schedule = self._try(_with_steps(schedule, kept)) or schedule
            if len(schedule.ids) > 1:
                schedule = self._try(_without(schedule, site)) or schedule
        chunk = max(1, len(schedule.steps) // 2)
        while chunk:
            end = len(schedule.steps)
            while end > 0:
                steps = schedule.steps
                start = max(0, end - chunk)
                shorter = self._try(_with_steps(schedule, steps[:start] + steps[end:]))
                schedule = shorter or schedule
                end = min(start, len(schedule.steps))
            chunk //= 2
        return schedule

    def _changed(
        self, schedule: Schedule, changes: Callable[[Schedule], Iterator[Schedule]]
    ) -> Schedule:
        """The first change that still fails, again and again."""
        while True:
            better = next(
                (found for change in changes(schedule) if (found := self._try(change))), None
            )
            if better is None or better == schedule:
                return schedule
            schedule = better


def _with_steps(schedule: Schedule, steps: tuple[Step, ...]) -> Schedule:
    return Schedule(schedule.ids, schedule.skews_ms, schedule.newcomer, steps)


def _with_step(schedule: Schedule, place: int, step: Step) -> Schedule:
    steps = schedule.steps
    return _with_steps(schedule, (*steps[:place], step, *steps[place + 1 :]))


def _without(schedule: Schedule, site: int) -> Schedule:
    """The schedule without a replica; the later ones move up."""
    ids, skews, steps = schedule.ids, schedule.skews_ms, []
    for step in schedule.steps:
        places = {
            name: place
            for name in ("site", "author", "peer", "sponsor", "other", "third")
            if (place := getattr(step, name, None)) is not None
        }
        if step.site == site or places.get("author", places.get("sponsor")) == site:
            continue
        moved = {
            name: 0 if place == site else place - (place > site) for name, place in places.items()
        }
        steps.append(msgspec.structs.replace(step, **moved))
    return Schedule(
        ids[:site] + ids[site + 1 :], skews[:site] + skews[site + 1 :],
        schedule.newcomer and site < len(ids) - 1, tuple(steps),
    )  # fmt: skip


def _shorter_batches(schedule: Schedule) -> Iterator[Schedule]:
    for place, step in enumerate(schedule.steps):
        if not isinstance(step, Write):
            continue
        for left_out in range(len(step.wishes)) if len(step.wishes) > 1 else ():
            wishes = step.wishes[:left_out] + step.wishes[left_out + 1 :]
            yield _with_step(schedule, place, Write(step.site, wishes, step.ms, step.draft))
        if step.draft:
            yield _with_step(schedule, place, Write(step.site, step.wishes, step.ms))


def _plainer_setup(schedule: Schedule) -> Iterator[Schedule]:
    ids, skews = schedule.ids, schedule.skews_ms
    ranks = tuple(sorted(ids).index(replica) + 1 for replica in ids)
    for change in (
        {"ids": tuple(range(1, len(ids) + 1))},
        {"ids": ranks},
        {"skews_ms": (0,) * len(skews)},
        {"newcomer": False},
    ):
        plainer = msgspec.structs.replace(schedule, **change)
        if plainer != schedule:
            yield plainer
            if "ids" in change:
                return  # the order by rank is only for those that need it, and is next
    for place, step in enumerate(schedule.steps):
        if isinstance(step, Write) and step.ms > 1:
            yield _with_step(schedule, place, Write(step.site, step.wishes, 1, step.draft))


def _plainer_arguments(schedule: Schedule) -> Iterator[Schedule]:
    for place, step in enumerate(schedule.steps):
        if not isinstance(step, Write):
            continue
        for number, wish in enumerate(step.wishes):
            if not isinstance(wish, Mutate) or wish.fixed is None:
                continue
            for fixed in _plainer(wish.fixed):
                wishes = list(step.wishes)
                wishes[number] = Mutate(wish.salt, fixed)
                write = Write(step.site, tuple(wishes), step.ms, step.draft)
                yield _with_step(schedule, place, write)


def _plainer(mutation: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The mutation with one argument closer to nothing; its name stays."""
    for place in range(1, len(mutation)):
        for simpler in _simpler(mutation[place]):
            yield (*mutation[:place], simpler, *mutation[place + 1 :])


def _simpler(value: Any) -> Iterator[Any]:
    kind = type(value)
    if kind is int and abs(value) > 1:
        yield 1
        if abs(value) < 1 << 32:  # greater ones are ids: halves of those mean nothing
            yield value // 2 if value > 0 else -1
    elif (kind is str or kind is bytes) and len(value) > 1:
        yield value[:1]
    elif kind is list and value:
        yield value[1:]
        yield value[:-1]
