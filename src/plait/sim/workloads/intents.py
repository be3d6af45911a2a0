"""A small document that everybody edits at the same moments: it ends as its types promise.

Replicas that are all wrong alike agree. So every edit is noted with what its author had seen, and
whoever comes to write, and everybody at the end, reads what the rules of `promises` make of the
edits that this replica has seen; later edits would hide what went wrong. Whoever writes also reads
that at once. Few fields in each world, few elements in each field, and users who often wait for the
same beat of a clock: most edits meet others that have not seen them.

Absent: the rules where a disk forgets, and what it held is written again by another replica.
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from random import Random
from typing import Any, ClassVar

import plait
from plait.api.documents import Documents
from plait.base.errors import PlaitError
from plait.engines.graph import Replica
from plait.sim.config import Config
from plait.sim.machine import NodeMachine
from plait.sim.network import SimNetwork
from plait.sim.workloads.promises import PROMISES, TRASH, Edit
from plait.sim.workloads.replicas import attend, replica_of
from plait.sim.workloads.shared import SharedDocuments
from plait.sim.workloads.workload import Program
from plait.sim.world import World

KEY, DRAFT = "box", "draft"
FIELDS = 8  # of them in each world
NAMES = ("a", "b")
LONG = 8  # of a list
HURRY_S = 0.01  # between two edits, without the beat
FORGETTING = ("bit_rot", "lost_voter", "new_disk", "older_graphs", "rotten_log")
SHOWN_MAX = 5


class Box(plait.Document):
    """One field of each type that promises something that can be told."""

    tags = plait.AddWinsSet(str)
    rights = plait.RemoveWinsSet(str)
    banned = plait.TwoPhaseSet(str)
    opened = plait.EnableFlag()
    locked = plait.DisableFlag()
    title = plait.Register(str)
    likes = plait.Counter()
    votes = plait.Map(plait.Counter())
    queue = plait.List(str)
    outline = plait.Tree(str)


class Intents(SharedDocuments):
    """Edits of few things, and what must come of them."""

    name: ClassVar[str] = "intents"
    kind = Box

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.fields = world.stream("settings fields").sample(list(PROMISES), FIELDS)
        self.edits: list[Edit] = []
        self.problems: list[str] = []
        self.forgetful = any(name in FORGETTING for name in config.faults)
        self._numbers = 0

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        numbers = range(self.config.clients)
        clients = {f"i{number}": partial(self._client, f"i{number}") for number in numbers}
        return clients | {"i nodes": self._nodes}

    async def _client(self, who: str, network: SimNetwork) -> None:
        async with self.connected(network) as store:
            docs = await self.insist(partial(self.open, store))
            await self.each(who, partial(self._use, docs), HURRY_S)
            await self.flush(docs)

    async def _nodes(self, network: SimNetwork) -> None:
        await attend(self.world, self._node, lambda: self.over)

    async def _node(self, machine: NodeMachine, store: plait.Store) -> None:
        assert machine.process is not None
        docs = await self.insist(partial(self.open, store))
        replica = replica_of(docs)
        last = replica.vector.get(replica.replica, 0)  # what it lost it may number again
        self.edits = [e for e in self.edits if e.replica != replica.replica or e.seq <= last]
        await self.each(machine.process.name, partial(self._use, docs), HURRY_S)

    async def _use(self, docs: Documents[Any], random: Random) -> None:
        """A few edits, often at the same time as everybody's."""
        beat_s = self.config.think_s
        together = random.random() < 0.8
        wait_s = beat_s - self.world.now() % beat_s if together else random.uniform(0.0, beat_s)
        await asyncio.sleep(wait_s)
        replica = replica_of(docs)
        self._check(replica, docs)
        for field in random.choices(self.fields, k=random.choice((1, 3, 6))):
            seen, who = dict(replica.vector), replica.replica
            found = self._edit(docs, field, random)
            seq = replica.vector.get(who, 0)
            if found is not None and seq > seen.get(who, 0):
                act, name, value = found
                stamp = replica.writer.hlc
                edit = Edit(field, act, name, value, who, seq, stamp, seen)
                self._check_stamp(edit)
                self.edits.append(edit)
        if random.random() < 0.1:
            await docs.flush()

    # ------------------------------------------------------------------ edits

    def _edit(
        self, docs: Documents[Any], field: str, random: Random
    ) -> tuple[str, Any, Any] | None:
        """Do something to a field: what, to what of it, and with which value."""
        box, name, takes = docs[KEY], random.choice(NAMES), random.random() < 0.4
        match field:
            case "tags" | "rights" | "banned":
                return self._set(getattr(box, field), name, takes)
            case "opened" | "locked":
                setattr(box, field, not takes)
                self._expect(field, bool(getattr(box, field)), not takes)
                return ("off" if takes else "on", None, None)
            case "title":
                box.title = self._new()
                return ("set", None, box.title)
            case "likes":
                return self._count(box, random)
            case "votes":
                if takes:
                    box.votes.pop(name, None)
                    self._expect(field, name in box.votes, False)
                    return ("remove", name, None)
                box.votes[name] += 1
                return ("add", name, 1)
            case "queue":
                return self._list(box.queue, random)
            case "outline":
                return self._tree(box.outline, random)
            case _:
                return self._draft(docs, random)

    def _set(self, one: Any, name: str, takes: bool) -> tuple[str, Any, Any] | None:
        try:
            (one.discard if takes else one.add)(name)
        except PlaitError:
            return None  # what was removed for ever is not added again
        self._expect("a set", name in one, not takes)
        return ("remove" if takes else "add", name, None)

    def _count(self, box: Box, random: Random) -> tuple[str, Any, Any]:
        if random.random() < 0.2:
            box.likes.reset()
            self._expect("likes", int(box.likes), 0)
            return ("reset", None, None)
        before, amount = int(box.likes), random.choice((-2, 1, 3))
        box.likes.add(amount)
        self._expect("likes", int(box.likes), before + amount)
        return ("add", None, amount)

    def _list(self, queue: Any, random: Random) -> tuple[str, Any, Any]:
        held = list(queue)
        kind, at = random.random(), random.randrange(len(held) + 1)
        if not held or (kind < 0.35 and len(held) < LONG):
            name = self._new()
            queue.insert(at, name)
            held.insert(at, name)
            found = ("insert", name, None)
        elif kind < 0.6:
            at %= len(held)
            queue.pop(at)
            found = ("delete", held.pop(at), None)
        else:
            source, target = at % len(held), random.randrange(len(held))
            queue.move(source, target)
            name = held.pop(source)
            held.insert(target, name)
            found = ("move", name, None)
        self._expect("queue", list(queue), held)
        return found

    def _tree(self, outline: Any, random: Random) -> tuple[str, Any, Any] | None:
        nodes = list(outline)
        kind, parent = random.random(), random.choice([None, *nodes])
        if not nodes or (kind < 0.3 and len(nodes) < LONG):
            node = outline.create(parent, "")
        else:
            node = random.choice(nodes)
            if kind < 0.85:
                try:
                    outline.move(node, parent)
                except PlaitError:
                    return None  # below itself
            else:
                outline.delete(node)
                self._expect("outline", node in outline, False)
                return ("move", node, TRASH)
        self._expect("outline", outline.parent(node), parent or None)
        return ("move", node, parent or "")

    def _draft(self, docs: Documents[Any], random: Random) -> tuple[str, Any, Any]:
        there, name = DRAFT in docs, self._new()
        if there and random.random() < 0.5:
            del docs[DRAFT]
            self._expect("draft", DRAFT in docs, False)
            return ("delete", None, None)
        docs[DRAFT].tags.add(name)
        self._expect("draft", name in docs[DRAFT].tags, True)
        return ("put" if there else "begin", name, None)

    def _new(self) -> str:
        self._numbers += 1
        return f"e{self._numbers}"

    def _expect(self, what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            self.problems.append(f"{what} reads {found!r} right after an edit to {wanted!r}")

    # ------------------------------------------------------------------ judging

    def _check(self, replica: Replica, docs: Documents[Any]) -> None:
        """What this replica reads is what the edits come to that it has seen."""
        if self.forgetful:
            return
        seen = replica.vector
        for field in self.fields:
            edits = [
                edit
                for edit in self.edits
                if edit.field == field and edit.seq <= seen.get(edit.replica, 0)
            ]
            wanted, found = PROMISES[field](edits), read(docs, field)
            if found != wanted:
                self.problems.append(
                    f"at {self.world.now():.3f} s {field} is {found} at {replica.replica:x}, "
                    f"and should be {wanted}"
                )

    def _check_stamp(self, edit: Edit) -> None:
        """By the clocks, too, an edit comes after what its author had seen."""
        early = [one for one in self.edits if edit.sees(one) and one.stamp > edit.stamp]
        if early:
            self.problems.append(f"{edit} is dated before {early[-1]}, which its author had seen")

    def look(self, replica: Replica, docs: Documents[Any]) -> Any:
        """See `SharedDocuments`."""
        self._check(replica, docs)
        return {field: read(docs, field) for field in self.fields}

    def judge_more(self) -> Iterator[str]:
        """See `SharedDocuments`."""
        yield from self.problems[:SHOWN_MAX]


def read(docs: Documents[Any], field: str) -> Any:
    """A field as `promises` tells it."""
    if field == "draft":
        return sorted(docs[DRAFT].tags) if DRAFT in docs else None
    box = docs[KEY]
    match field:
        case "tags" | "rights" | "banned" | "queue":
            return sorted(getattr(box, field))
        case "votes":
            return {name: int(box.votes[name]) for name in sorted(box.votes)}
        case "likes":
            return int(box.likes)
        case "opened" | "locked":
            return bool(getattr(box, field))
        case "outline":
            return {node: box.outline.parent(node) or "" for node in sorted(box.outline)}
        case _:
            return getattr(box, field)
