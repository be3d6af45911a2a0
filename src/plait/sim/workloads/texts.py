"""A text with many writers: everybody's words stay whole, and none that was flushed is lost.

A word is ``(name.number)``, typed at once or a character at a time, and everybody begins theirs
only between words. Each takes away, marks and undoes only words of their own, so what the text is
at the end is known but for the order, and for what a node had not flushed when it died. A word that
a node's death cuts short, or another writer's in its middle, is no whole word.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from random import Random
from typing import Any, ClassVar

import msgspec

import plait
from plait.api.documents import Documents
from plait.engines.graph import Replica
from plait.sim.chance import exponential
from plait.sim.config import Config
from plait.sim.disk import SimDisk
from plait.sim.machine import NodeMachine
from plait.sim.network import SimNetwork
from plait.sim.workloads.replicas import attend
from plait.sim.workloads.shared import SharedDocuments, chosen
from plait.sim.workloads.workload import Program
from plait.sim.world import World

KEYS = ("t0", "t1")
DOES = {"word": 0.35, "type": 0.25, "delete": 0.1, "undo": 0.1, "mark": 0.1, "flush": 0.1}
WORD = re.compile(r"\([^()]*\)")
PAUSE_S = 0.05  # between two characters, on average


class Note(plait.Document):
    """A text."""

    body = plait.Text()


class Words(msgspec.Struct):
    """What is known of the words of one text."""

    certain: set[str]  # must be there
    possible: set[str]  # may be there as well


class Texts(SharedDocuments):
    """Notes that many write at once."""

    name: ClassVar[str] = "texts"
    kind = Note

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.certain: dict[str, set[str]] = {key: set() for key in KEYS}
        self.possible: dict[str, set[str]] = {key: set() for key in KEYS}
        self.on_disks: list[tuple[str, str, SimDisk]] = []  # (key, word, disk)
        self._numbers = count()

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        numbers = range(self.config.clients)
        clients = {f"t{number}": partial(self._client, f"t{number}") for number in numbers}
        return clients | {"t nodes": self._nodes}

    async def _client(self, who: str, network: SimNetwork) -> None:
        async with self.connected(network) as store:
            docs = await self.insist(partial(self.open, store))
            writer = Writer(who, docs, self._numbers)
            await self.each(who, writer.use)
            await self.flush(docs)
            for key in KEYS:
                self.certain[key].update(writer.words[key])

    async def _nodes(self, network: SimNetwork) -> None:
        await attend(self.world, self._node, lambda: self.over)

    async def _node(self, machine: NodeMachine, store: plait.Store) -> None:
        """In the process of a node: whole words only, and none of them is taken away again."""
        assert machine.process is not None
        docs, disk = await self.insist(partial(self.open, store)), machine.disk
        writer = Writer(machine.process.name, docs, self._numbers)

        async def use(random: Random) -> None:
            key = random.choice(KEYS)
            word = writer.word(random, key)
            self.possible[key].add(word)
            await docs.flush()
            self.on_disks.append((key, word, disk))

        await self.each(writer.who, use)

    # ------------------------------------------------------------------ judging

    def look(self, replica: Replica, docs: Documents[Any]) -> Any:
        """See `SharedDocuments`."""
        return {key: (str(docs[key].body), docs[key].body.to_delta()) for key in KEYS}

    def judge_more(self) -> Iterator[str]:
        """See `SharedDocuments`."""
        used = [machine.disk for machine in self.world.nodes.values()]
        for key in KEYS:
            kept = {w for k, w, disk in self.on_disks if k == key and any(disk is d for d in used)}
            words = Words(self.certain[key] | kept, self.possible[key])
            for name, image in self.images.items():
                yield from judge_text(f"{key!r} at {name}", image.values[key][0], words)


class Writer:
    """Somebody who writes words."""

    def __init__(self, who: str, docs: Documents[Any], numbers: "count[int]") -> None:
        self.who = who
        self.words: dict[str, list[str]] = {key: [] for key in KEYS}
        self._docs = docs
        self._numbers = numbers

    async def use(self, random: Random) -> None:
        """Do something to one of the texts."""
        key, does = random.choice(KEYS), chosen(random, DOES)
        words = self.words[key]
        if does == "word":
            words.append(self.word(random, key))
        elif does == "type":
            await self._type(random, key)
        elif does == "flush":
            await self._docs.flush()
        elif does == "undo":
            self._undo(random, key)
        elif words:
            word = random.choice(words)
            self._change(word, key, does)

    def word(self, random: Random, key: str) -> str:
        """Write a word in one piece."""
        body = self._docs[key].body
        word = f"({self.who}.{next(self._numbers)})"
        body.insert(between(random, str(body)), word)
        return word

    async def _type(self, random: Random, key: str) -> None:
        """Write a word as one types, and finish it whatever happens."""
        body = self._docs[key].body
        word = f"({self.who}.{next(self._numbers)})"
        cursor = body.cursor(between(random, str(body)))
        rest = iter(word)
        cursor.insert(next(rest))
        self.words[key].append(word)
        try:
            for character in rest:
                await asyncio.sleep(exponential(random, PAUSE_S))
                cursor.insert(character)
        except asyncio.CancelledError:
            for character in rest:
                cursor.insert(character)
            raise

    def _undo(self, random: Random, key: str) -> None:
        """A word that is taken back at once, and perhaps written again."""
        word = self.word(random, key)
        self._docs.undo()
        if random.random() < 0.5:
            self._docs.redo()
            self.words[key].append(word)

    def _change(self, word: str, key: str, does: str) -> None:
        body = self._docs[key].body
        at = str(body).find(word)
        if at < 0:
            return  # the judge says so at the end
        if does == "delete":
            body.delete(at, len(word))
            self.words[key].remove(word)
        else:
            body.mark(at, at + len(word), "bold")


def between(random: Random, text: str) -> int:
    """A place that is in nobody's word, finished or not."""
    places = [match.end() for match in re.finditer(r"\)(?=\(|$)", text)]
    return random.choice([*places, 0]) if not text or text[0] == "(" else 0


def judge_text(where: str, text: str, words: Words) -> Iterator[str]:
    """It consists of whole words, each once: all that are certain, others that are possible."""
    if WORD.sub("", text):
        yield f"{where}: {WORD.sub('', text)!r} is no whole word, in {text!r}"
    found = WORD.findall(text)
    for word in sorted(set(found)):
        if found.count(word) > 1:
            yield f"{where}: {word} is there {found.count(word)} times"
    if words.certain - set(found):
        yield f"{where}: lost {sorted(words.certain - set(found))}"
    strange = set(found) - words.certain - words.possible
    if strange:
        yield f"{where}: {sorted(strange)} should not be there"
