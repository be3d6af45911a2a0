"""Replicas of one object that live through a schedule; after each arrival one is judged.

Source: the roads and their conditions as `plait.graph.fold` and `GraphType.join` state them; the
stable cut is the meet of the contexts of every member's last delivered event.

Absent: loss of messages as such; what is lost is a step that was not drawn.
"""

import copy
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from plait.base.causality import Context, VersionVector, descends
from plait.base.codec import decode
from plait.check.laws.contract import Event, Here, Subject
from plait.check.laws.guard import Guard
from plait.check.laws.judge import Judge
from plait.check.laws.law import (
    CODEC,
    DRAFTS,
    GARBAGE,
    READING,
    Broken,
)
from plait.check.laws.past import APPLY, CLEAR, ELSEWHERE, Batch, Moment, Past
from plait.check.laws.site import Packet, Site
from plait.check.laws.steps import (
    DISCARD,
    Admit,
    Arrive,
    Clear,
    Deliver,
    Elsewhere,
    Fold,
    Garbage,
    Mutate,
    Probe,
    Restart,
    Schedule,
    Step,
    Take,
    Wish,
    Write,
)

START_MS = 1_000


class Mark(NamedTuple):
    """A line of the diagram."""

    site: int
    text: str
    source: int | None = None  # an arrow came from there


class World:
    """One run of a schedule."""

    def __init__(
        self, subject: Subject, schedule: Schedule, probe: Callable[["World", Probe], None]
    ) -> None:
        """probe: tries a law on copies (see `probes`)."""
        self.guard = Guard(subject)
        self.past = Past(schedule.ids, schedule.newcomer)
        self.judge = Judge(self.guard, self.past)
        self.sites = [
            Site(number, replica, skew_ms, self.guard.call("zero"))
            for number, (replica, skew_ms) in enumerate(
                zip(schedule.ids, schedule.skews_ms, strict=True)
            )
        ]
        self.absent = len(schedule.ids) - 1 if schedule.newcomer else None
        self.packets: dict[int, Packet] = {}
        self.now_ms = START_MS
        self.marks: list[Mark] = []
        self.done: list[Step] = []  # those that were possible, with the mutations that were drawn
        self._schedule = schedule
        self._probe = probe
        self._clears = can_clear(subject)

    def run(self) -> None:
        """Live through the schedule; raises `Broken`."""
        for step in self._schedule.steps:
            if step.site == self.absent and not isinstance(step, Admit):
                continue
            self.done.append(step)  # before it is tried: it may be the one that breaks a law
            if not self._take_step(step):
                self.done.pop()
        self.guard.untouched()
        for site in self.sites:
            self.judge.look(site)

    @property
    def lived(self) -> Schedule:
        """What really happened, as a schedule."""
        drawn = self._schedule
        return Schedule(drawn.ids, drawn.skews_ms, drawn.newcomer, tuple(self.done))

    def _take_step(self, step: Step) -> bool:
        """Whether the step was possible."""
        site = self.sites[step.site]
        match step:
            case Write():
                return self._write(site, step)
            case Deliver():
                return self._deliver(site, step)
            case Take():
                return self._pack(site, step)
            case Arrive():
                return self._arrive(site, step)
            case Restart():
                site.state = self.guard.call("decode", self.guard.call("encode", site.state))
                self.marks.append(Mark(site.number, "↻ restart"))
                self.judge.look(site, CODEC)
            case Fold():
                return self._fold(site, step)
            case Admit():
                return self._admit(site, step)
            case Probe():
                self._probe(self, step)
        return True

    # ------------------------------------------------------------------ writing

    def _write(self, site: Site, step: Write) -> bool:
        self.now_ms += step.ms
        before = site.vector.copy()
        mark = self.guard.call("mark", site.state) if step.draft else None
        image = self._everything(site) if step.draft == DISCARD else None
        hlc = site.clock.stamp(self.now_ms + site.skew_ms)
        moments: list[Moment] = []
        wishes: list[Wish] = []
        for wish in step.wishes:
            self.done[-1] = Write(site.number, (*wishes, wish), step.ms, step.draft)
            for part in self._parts(wish):
                seq = before.get(site.replica, 0) + len(moments) + 1
                found = self._fulfil(site, part, seq, hlc)
                if found is None:
                    continue
                if part is wish:
                    wishes.append(found[0])
                moments.append(found[1])
                # not in a draft that will be discarded: its dots will be given again
                if step.draft != DISCARD:
                    site.vector.saw(*found[1].dot)
        self.done[-1] = Write(site.number, tuple(wishes), step.ms, step.draft)
        if step.draft == DISCARD:
            site.state = self.guard.call("rollback", site.state, mark)
            labels = ", ".join(moment.label.partition(" ")[2] for moment in moments)
            self.marks.append(Mark(site.number, f"draft dropped: {labels}"))
            self.judge.count(DRAFTS)
            if self._everything(site) != image:
                raise Broken(DRAFTS, f"{site.name} has not come back", self.judge.sides(site))
            return bool(moments)
        if step.draft:
            self.guard.call("keep", site.state, mark)
        if not moments:
            return False
        self.past.add(Batch(before, tuple(moments)))
        self._cut_may_have_grown(site)
        self.judge.look(site)
        return True

    def _everything(self, site: Site) -> tuple[bytes, bytes, bytes]:
        return (
            self.guard.state_image(site.state),
            self.guard.call("canonical", site.state, site.cut),
            self.guard.value_image(site.state),
        )

    def _parts(self, wish: Wish) -> tuple[Wish, ...]:
        """What is written for a wish: some types say in a body what a clear has seen."""
        clearing = getattr(self.guard.subject, "clearing", None)
        if isinstance(wish, Clear) and clearing is not None and self._clears:
            return (Mutate(0, clearing), wish)
        return (wish,)

    def _fulfil(self, site: Site, wish: Wish, seq: int, hlc: int) -> tuple[Wish, Moment] | None:
        """The event that a wish becomes, applied to the state of its author."""
        kind, body, text = ELSEWHERE, None, "(elsewhere)"
        match wish:
            case Mutate():
                found = self.propose(site, wish)
                if found is None:
                    return None
                mutation, body = found
                wish, kind, text = Mutate(wish.salt, mutation), APPLY, spell(mutation)
            case Clear():
                if not self._clears:
                    return None
                kind, text = CLEAR, "clear"
            case Garbage(body=body):
                self.past.garbage = self.guard.garbage = True
                self.judge.count(GARBAGE)
                kind, text = APPLY, f"garbage {body!r}"
            case Elsewhere():
                pass
        context = site.vector.copy()
        label = f"{site.dot_name(seq)} {text}"
        data = self.guard.carried("the body of " + text, body)
        moment = Moment(site.number, (site.replica, seq), hlc, context, kind, data, label)
        self.marks.append(Mark(site.number, label))
        if kind == APPLY:  # the very object that will be sent: a state must not change it
            self.guard.apply(site.state, body, Event(*moment.dot, hlc, site.vector))
        else:
            self.guard.happen(site.state, moment, site.vector)
        if kind == CLEAR:
            self.judge.cleared(site)
        return wish, moment

    def propose(self, site: Site, wish: Mutate, state: Any = None) -> tuple[Any, Any] | None:
        """A mutation and its body; None if the type refuses or there is nothing to tell."""
        state = site.state if state is None else state
        before = self.guard.state_image(state)
        mutation = wish.fixed
        if mutation is None:
            mutation = self.guard.call("gen_op", Random(wish.salt), state)
        body = self.guard.prepare(state, mutation, Here(site.replica, site.vector))
        self.judge.count(READING)
        if self.guard.state_image(state) != before:
            raise Broken(
                READING, f"`prepare` of {spell(mutation)} changed the state at {site.name}"
            )
        return None if body is None else (mutation, body)

    # ------------------------------------------------------------------ the roads

    def _deliver(self, site: Site, step: Deliver) -> bool:
        authors = [step.author] if step.author is not None else range(len(self.sites))
        left, before = step.batches if step.author is not None else len(self.past.moments), -1
        delivered = 0
        while left and delivered != before:
            before = delivered
            for author in authors:
                batch = self.past.next_batch(author, site.vector)
                if batch is None or author == site.number or not left:
                    continue
                self._receive(site, batch)
                delivered, left = delivered + 1, left - 1
        return bool(delivered)

    def _receive(self, site: Site, batch: Batch) -> None:
        author = self.sites[batch.moments[0].site]
        names = " ".join(author.dot_name(moment.dot[1]) for moment in batch.moments)
        self.marks.append(Mark(site.number, names, author.number))
        for moment in batch.moments:
            context = moment.context
            if site.number % 2:  # a context may be ahead in its author's own entry
                context = context.merged({author.replica: batch.last})
            self.guard.happen(site.state, moment, context)
        site.vector.saw(author.replica, batch.last)
        site.clock.observe(batch.moments[-1].hlc)
        self._cut_may_have_grown(site)
        self.judge.look(site)

    def take(self, site: Site, since: Context | None) -> Packet:
        """What `site` would send to somebody who has seen `since`; None: everything."""
        slots: dict[bytes | int, None] | None = {} if since is not None else None
        for moment in self.past.between(since or {}, site.vector):
            if slots is None:
                break
            touched = None
            if moment.kind == APPLY:
                touched = self.guard.call("event_slots", decode(moment.body), moment.dot)
            if touched is not None:
                slots.update(dict.fromkeys(touched))
            elif moment.kind != ELSEWHERE:
                slots = None
        data = self.guard.call("delta", site.state, slots if slots is None else list(slots))
        begin = VersionVector(since or {})
        return Packet(
            site.number, begin, site.vector.copy(), site.cut.copy(), slots is None,
            self.guard.carried("a delta", data), len(self.marks) + 1,
        )  # fmt: skip

    def _pack(self, site: Site, step: Take) -> bool:
        if step.peer is None:
            self.packets[step.packet] = self.take(site, None)
            return True
        since = self.sites[step.peer].vector
        if not descends(since, site.cut) or step.peer == self.absent:
            return False
        self.packets[step.packet] = self.take(site, since)
        return True

    def _arrive(self, site: Site, step: Arrive) -> bool:
        packet = self.packets.get(step.packet)
        if packet is None or not descends(site.vector, packet.since):
            return False
        if packet.source == site.number and packet.until == site.vector:
            return False
        name = "state" if not packet.since else "delta" if not packet.whole else "delta (all slots)"
        late = f" of line {packet.line}" if packet.line <= len(self.marks) else ""
        self.marks.append(Mark(site.number, name + late, packet.source))
        self.adopt(site, packet)
        self.judge.look(site)
        return True

    def adopt(self, site: Site, packet: Packet) -> None:
        """Join a packet and take over what its sender had seen."""
        mine = site.vector.copy()
        self.guard.join(site.state, packet.data, mine, packet.until, packet.whole)
        for moment in self.past.between(mine, packet.until):
            site.clock.observe(moment.hlc)
        site.vector.merge(packet.until)
        site.cut.merge(packet.cut)
        self._cut_may_have_grown(site)

    def _admit(self, site: Site, step: Admit) -> bool:
        if site.number != self.absent or step.sponsor == site.number:
            return False
        sponsor = self.sites[step.sponsor]
        self._write(sponsor, Write(sponsor.number, (Elsewhere(),)))
        self.done[-1] = step  # the sponsor's event is part of it
        self.past.admitted = (sponsor.replica, sponsor.vector[sponsor.replica])
        self.absent = None
        self.marks.append(Mark(site.number, "admitted, state", sponsor.number))
        self.adopt(site, self.take(sponsor, None))
        self.judge.look(site)
        return True

    # ------------------------------------------------------------------ folding

    def _cut_may_have_grown(self, site: Site) -> None:
        cut = self.past.stable(site.vector)
        if not site.cuts or site.cuts[-1] != cut:
            site.cuts.append(cut)

    def _fold(self, site: Site, step: Fold) -> bool:
        if not site.cuts:
            return False
        cut = site.cuts[max(0, len(site.cuts) - 1 - step.lag)]
        if not cut:
            return False
        self.marks.append(Mark(site.number, f"fold {self.spell_vector(cut)}"))
        self.guard.call("fold", site.state, cut)
        site.cut.merge(cut)
        self.judge.look(site)
        return True

    def copy(self, state: Any) -> Any:
        """Another state with the same content, made without the type's help."""
        return copy.deepcopy(state)

    def spell_vector(self, vector: Context) -> str:
        """A vector by the names of the diagram."""
        last = [(site, vector.get(site.replica, 0)) for site in self.sites]
        return "≤ " + " ".join(site.dot_name(seq) for site, seq in last if seq) if vector else "∅"


def can_clear(subject: Subject) -> bool:
    """Whether the type can be cleared at all."""
    try:
        subject.clear(subject.zero(), Event(1, 1, 1, VersionVector()))
    except NotImplementedError:
        return False
    except Exception:
        return True  # it will be seen when it happens in a run
    return True


def spell(mutation: Any) -> str:
    """A mutation as people write it."""
    if not isinstance(mutation, tuple) or not mutation:
        return repr(mutation)
    name, *arguments = mutation
    return f"{name}({', '.join(map(repr, arguments))})"
