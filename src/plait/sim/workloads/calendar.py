"""A calendar as an app uses it: people come and go, answer, write minutes, and are often offline.

Everybody has meetings of their own, which only they cancel or delete, and answers for nobody else.
So what a meeting must come to is known, though all of it lies in documents that all write: who
attends, what each answered, whose lines are in the minutes, what is cancelled. Half of the time a
person's machine is in flight: cut off from everybody, working on.
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from random import Random
from typing import Any, ClassVar

import msgspec

import plait
from plait.api.documents import Documents
from plait.sim.chance import exponential
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.shared import SharedDocuments, chosen
from plait.sim.workloads.workload import Program
from plait.sim.world import World

MEETINGS = ("review", "lunch")
DAYS = ("mon", "tue", "wed")
ANSWERS = ("yes", "no", "maybe")
DOES = {
    "attend": 0.2, "answer": 0.2, "minutes": 0.2, "move": 0.1, "own": 0.2, "flush": 0.1,
}  # fmt: skip
FLIGHT_S = 4.0  # on average, and so long between two


class Occurrence(plait.Document):
    """One of many, where it differs."""

    cancelled = plait.EnableFlag()
    answers = plait.Map(plait.Register(str))  # by who gave them


class Meeting(plait.Document):
    """A meeting that repeats."""

    summary = plait.Register(str, default="")
    when = plait.Register(str, resolve=plait.Ask())
    attendees = plait.AddWinsSet(str)
    occurrences = plait.Map(plait.Nested(Occurrence))
    minutes = plait.Text()
    edits = plait.Counter()


class Person(msgspec.Struct):
    """What somebody did last, as everybody must see it at the end."""

    name: str
    attends: dict[str, bool] = {}  # by meeting
    answers: dict[tuple[str, str], str] = {}  # by meeting and day
    lines: dict[str, list[str]] = {}  # of minutes, by meeting
    edits: dict[str, int] = {}  # by meeting


class Calendar(SharedDocuments):
    """Meetings of a few people."""

    name: ClassVar[str] = "calendar"
    kind = Meeting

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.people: list[Person] = []  # who has flushed everything
        self._numbers = count()

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        numbers = range(self.config.clients + 1)
        return {f"c{number}": partial(self._client, f"c{number}") for number in numbers}

    async def _client(self, who: str, network: SimNetwork) -> None:
        async with self.connected(network) as store:
            docs = await self.insist(partial(self.open, store))
            flights = asyncio.ensure_future(self._fly(who))
            person = Person(who)
            await self.each(who, partial(self._use, person, docs))
            await flights
            await self.flush(docs)
            self.people.append(person)
            key = _own(who)
            self.own[key] = docs[key].to_dict() if key in docs else None

    async def _fly(self, who: str) -> None:
        """Be cut off now and then."""
        random = self.random(f"flights of {who}")
        fabric, nodes = self.world.fabric, self.world.nodes
        while not self.over:
            await asyncio.sleep(min(exponential(random, FLIGHT_S), FLIGHT_S))
            self.world.trace.note("offline", who)
            for node in list(nodes):
                fabric.cut(who, node)
                fabric.cut(node, who)
            await asyncio.sleep(min(exponential(random, FLIGHT_S), FLIGHT_S))
            self.world.trace.note("online", who)
            for node in list(nodes):
                fabric.mend(who, node)
                fabric.mend(node, who)

    async def _use(self, person: Person, docs: Documents[Any], random: Random) -> None:
        does, key = chosen(random, DOES), random.choice(MEETINGS)
        meeting = docs[key]
        if does == "flush":
            await docs.flush()
        elif does == "own":
            self._organise(docs, _own(person.name), random)
        elif does == "move":
            meeting.when = f"{random.choice(DAYS)} {next(self._numbers)}"
        elif does == "attend":
            attends = random.random() < 0.6
            (meeting.attendees.add if attends else meeting.attendees.discard)(person.name)
            person.attends[key] = attends
        elif does == "answer":
            day, answer = random.choice(DAYS), random.choice(ANSWERS)
            with meeting.change("answered"):
                meeting.occurrences[day].answers[person.name] = answer
                meeting.edits += 1
            person.answers[key, day] = answer
            person.edits[key] = person.edits.get(key, 0) + 1
        else:
            line = f"{person.name}: {next(self._numbers)}\n"
            meeting.minutes.append(line)
            person.lines.setdefault(key, []).append(line)

    def _organise(self, docs: Documents[Any], key: str, random: Random) -> None:
        """Plan, cancel or drop a meeting of one's own."""
        meeting = docs[key]
        kind = random.random()
        if kind < 0.4:
            docs[key] = {"summary": f"s{random.randrange(99)}", "when": random.choice(DAYS)}
        elif kind < 0.8:
            day = random.choice(DAYS)
            meeting.occurrences[day].cancelled = random.random() < 0.7
        else:
            del docs[key]

    # ------------------------------------------------------------------ judging

    def judge_more(self) -> Iterator[str]:
        """See `SharedDocuments`."""
        for name, image in self.images.items():
            yield from judge_meetings(name, image.documents, self.people)


def judge_meetings(where: str, documents: Mapping[str, Any], people: list[Person]) -> Iterator[str]:
    """Everything that people did for themselves is there, as they did it last."""
    for person in people:
        for key, attends in person.attends.items():
            if (person.name in _of(documents, key, "attendees", ())) != attends:
                yield f"{where}: {person.name} said {attends} to attending {key}"
        for (key, day), answer in person.answers.items():
            occurrence = _of(documents, key, "occurrences", {}).get(day, {})
            if occurrence.get("answers", {}).get(person.name) != answer:
                yield f"{where}: {person.name} answered {answer} to {key} on {day}: {occurrence}"
        for key, lines in person.lines.items():
            minutes = _of(documents, key, "minutes", "").splitlines(keepends=True)
            mine = [line for line in minutes if line in lines]
            if mine != lines:
                yield f"{where}: {person.name} wrote {lines} into {key}, {mine} are there"
    for key in MEETINGS:
        wanted = sum(person.edits.get(key, 0) for person in people)
        if _of(documents, key, "edits", 0) != wanted:
            yield f"{where}: {key} counts {_of(documents, key, 'edits', 0)} edits of {wanted}"


def _of(documents: Mapping[str, Any], key: str, field: str, default: Any) -> Any:
    return documents.get(key, {}).get(field, default)


def _own(person: str) -> str:
    return f"of {person}"
