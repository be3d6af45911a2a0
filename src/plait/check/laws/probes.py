"""Laws that are tried on copies, at any moment of a run.

Each probe takes a world and a `Probe` step, looks at one, two or three replicas, and raises
`Broken`; the replicas themselves stay as they are.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from plait.base.causality import Context, VersionVector, descends
from plait.base.codec import decode, encode
from plait.check.laws.guard import JUNK
from plait.check.laws.law import (
    ASSOCIATIVE,
    CODEC,
    COMMUTATIVE,
    COMMUTES,
    FOLDS,
    FRESH,
    IDEMPOTENT,
    JOIN_FOLD,
    NOTHING_NEW,
    READING,
    REFUSES,
    UNSEEN_FOLD,
    Broken,
)
from plait.check.laws.past import APPLY, Batch, Moment
from plait.check.laws.site import Packet, Site
from plait.check.laws.steps import Mutate, Probe
from plait.check.laws.world import World, spell


def probe(world: World, step: Probe) -> None:
    """Try the law that the step names."""
    PROBES[step.law](world, step)


class _Copy:
    """A copy of a replica, to join things to."""

    def __init__(self, world: World, site: Site) -> None:
        self.world = world
        self.name = site.name
        self.state = world.copy(site.state)
        self.vector = site.vector.copy()
        self.cut = site.cut.copy()

    def join(self, packet: Packet) -> "_Copy":
        self.world.guard.join(
            self.state, packet.data, self.vector.copy(), packet.until, packet.whole
        )
        self.vector.merge(packet.until)
        self.cut.merge(packet.cut)
        return self

    def fold(self, cut: Context) -> "_Copy":
        self.world.guard.call("fold", self.state, cut)
        self.cut.merge(cut)
        return self

    def packet(self) -> Packet:
        """Everything that the copy has."""
        guard = self.world.guard
        data = guard.carried("a delta", guard.call("delta", self.state, None))
        return Packet(0, VersionVector(), self.vector.copy(), self.cut.copy(), True, data, 0)


def _same(world: World, law: str, *copies: tuple[str, _Copy]) -> None:
    cut = VersionVector()
    for _, copy in copies:
        cut.merge(copy.cut)
    world.judge.same(law, cut, *((name, copy.state) for name, copy in copies))


def _pair(world: World, step: Probe) -> tuple[Site, Site]:
    return world.sites[step.site], world.sites[step.other]


# ----------------------------------------------------------------------------- joins


def _idempotent(world: World, step: Probe) -> None:
    site, other = _pair(world, step)
    packet = world.take(other, None)
    once = _Copy(world, site).join(packet)
    twice = _Copy(world, site).join(packet).join(packet)
    joined = f"{site.name} ⊔ {other.name}"
    _same(world, IDEMPOTENT, (joined, once), (f"{joined} ⊔ {other.name}", twice))


def _commutative(world: World, step: Probe) -> None:
    site, other = _pair(world, step)
    one = _Copy(world, site).join(world.take(other, None))
    two = _Copy(world, other).join(world.take(site, None))
    _same(
        world, COMMUTATIVE,
        (f"{site.name} ⊔ {other.name}", one), (f"{other.name} ⊔ {site.name}", two),
    )  # fmt: skip


def _associative(world: World, step: Probe) -> None:
    site, other = _pair(world, step)
    third = world.sites[step.third]
    left = _Copy(world, site).join(world.take(other, None)).join(world.take(third, None))
    inner = _Copy(world, other).join(world.take(third, None))
    right = _Copy(world, site).join(inner.packet())
    a, b, c = site.name, other.name, third.name
    _same(world, ASSOCIATIVE, (f"({a} ⊔ {b}) ⊔ {c}", left), (f"{a} ⊔ ({b} ⊔ {c})", right))


def _nothing_new(world: World, step: Probe) -> None:
    site, other = _pair(world, step)
    if descends(site.vector, other.vector):
        _unchanged(world, site, f"the state of {other.name}", world.take(other, None))
    for number, packet in sorted(world.packets.items()):
        if descends(site.vector, packet.until) and (number + step.salt) % 3 == 0:
            _unchanged(world, site, f"what {world.sites[packet.source].name} sent", packet)
    slots: list[bytes | int] = []
    data = world.guard.call("delta", site.state, slots)
    vector = site.vector.copy()
    empty = Packet(
        site.number, vector, vector, site.cut.copy(), False,
        world.guard.carried("a delta", data), 0,
    )  # fmt: skip
    _unchanged(world, site, "a delta without slots", empty)


def _unchanged(world: World, site: Site, what: str, packet: Packet) -> None:
    before, after = _Copy(world, site), _Copy(world, site).join(packet)
    _same(world, NOTHING_NEW, (site.name, before), (f"{site.name} ⊔ {what}", after))


# ----------------------------------------------------------------------------- folds


def _join_fold(world: World, step: Probe) -> None:
    site, other = _pair(world, step)
    cut, theirs = world.past.stable(site.vector), world.past.stable(other.vector)
    packet = world.take(other, None)
    plain = _Copy(world, site).join(packet)
    a, b = site.name, other.name
    _same(
        world, JOIN_FOLD,
        (f"fold({a}) ⊔ {b}", _Copy(world, site).fold(cut).join(packet)),
        (f"fold({a} ⊔ {b})", plain.fold(cut)),
    )  # fmt: skip
    _same(
        world, JOIN_FOLD,
        (f"{a} ⊔ fold({b})", _Copy(world, site).join(_Copy(world, other).fold(theirs).packet())),
        (f"{a} ⊔ {b}", _Copy(world, site).join(packet)),
    )  # fmt: skip


def _folds(world: World, step: Probe) -> None:
    site = world.sites[step.site]
    late = world.past.stable(site.vector)
    early = site.cuts[step.salt % len(site.cuts)] if site.cuts else VersionVector()
    once = _Copy(world, site).fold(late)
    _same(
        world, FOLDS,
        ("fold(late)", once),
        ("fold(early), fold(late)", _Copy(world, site).fold(early).fold(late)),
        ("fold(late), fold(early)", _Copy(world, site).fold(late).fold(early)),
    )  # fmt: skip
    _same(world, UNSEEN_FOLD, (site.name, _Copy(world, site)), (f"fold({site.name})", once))


# ----------------------------------------------------------------------------- single replicas


def _commutes(world: World, step: Probe) -> None:
    """Two batches that could be delivered now, or one and what might be written here."""
    site = world.sites[step.site]
    ready: list[Batch] = []
    for author in range(len(world.sites)):
        batch = world.past.next_batch(author, site.vector)
        if batch is not None and author != site.number:
            ready.append(batch)
    if len(ready) < 2 and ready:
        own = _imagined(world, site, step.salt)
        if own is not None:
            ready.append(own)
    if len(ready) < 2:
        return
    one, two = ready[step.salt % len(ready)], ready[(step.salt + 1) % len(ready)]
    states = []
    for first, second in ((one, two), (two, one)):
        copy = _Copy(world, site)
        for moment in (*first.moments, *second.moments):
            world.guard.happen(copy.state, moment)
        labels = "; ".join(moment.label for moment in (*first.moments, *second.moments))
        states.append((f"{site.name}, then {labels}", copy.state))
    world.judge.same(COMMUTES, site.cut, *states)


def _imagined(world: World, site: Site, salt: int) -> Batch | None:
    """A batch that the replica might write now."""
    found = world.propose(site, Mutate(salt), world.copy(site.state))
    if found is None:
        return None
    mutation, body = found
    seq = site.vector.get(site.replica, 0) + 1
    hlc = max(site.clock.last + 1, (world.now_ms + site.skew_ms) << 16)
    context = site.vector.copy()
    moment = Moment(
        site.number, (site.replica, seq), hlc, context, APPLY, encode(body),
        f"{site.dot_name(seq)} {spell(mutation)}",
    )  # fmt: skip
    return Batch(context, (moment,))


def _codec(world: World, step: Probe) -> None:
    site = world.sites[step.site]
    again = world.guard.call("decode", world.guard.call("encode", site.state))
    world.judge.same(
        CODEC, site.cut, (site.name, site.state), (f"decode(encode({site.name}))", again)
    )


def _reading(world: World, step: Probe) -> None:
    site, guard = world.sites[step.site], world.guard
    state = world.copy(site.state)
    before = guard.state_image(state)
    readings: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("value", lambda: guard.call("value", state)),
        ("encode", lambda: guard.call("encode", state)),
        ("canonical", lambda: guard.call("canonical", state, world.past.stable(site.vector))),
        ("gen_op", lambda: guard.call("gen_op", Random(step.salt), state)),
    )
    for name, read in readings:
        read()
        world.judge.count(READING)
        if guard.state_image(state) != before:
            raise Broken(
                READING, f"`{name}` changed the state of {site.name}", world.judge.sides(site)
            )


def _fresh(world: World, step: Probe) -> None:
    site, guard = world.sites[step.site], world.guard
    state = world.copy(site.state)
    before = guard.value_image(state)
    world.judge.count(FRESH)
    _spoil(guard.call("value", state))
    if guard.value_image(state) != before:
        text = f"the value of {site.name} was changed by who read it, and so was the state"
        raise Broken(FRESH, text, world.judge.sides(site))


def _spoil(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _spoil(item)
        value.append("spoilt")
    elif isinstance(value, dict):
        for item in value.values():
            _spoil(item)
        value["spoilt"] = "spoilt"
    elif isinstance(value, set):
        value.add("spoilt")


def _junk(world: World, step: Probe) -> None:
    site, guard = world.sites[step.site], world.guard
    random = Random(step.salt)
    data = decode(world.take(site, None).data)
    junk = JUNK[step.salt % len(JUNK)]
    world.judge.count(REFUSES)
    for nonsense in (junk, _bent(random, data, junk)):
        copy = _Copy(world, site)
        guard.join_junk(copy.state, nonsense, copy.vector, step.salt % 2 == 0)


def _bent(random: Random, data: Any, junk: Any) -> Any:
    """`data` with one part of it replaced."""
    if isinstance(data, list) and data and random.random() < 0.8:
        place = random.randrange(len(data))
        return [*data[:place], _bent(random, data[place], junk), *data[place + 1 :]]
    if isinstance(data, dict) and data and random.random() < 0.8:
        key = sorted(data, key=repr)[random.randrange(len(data))]
        return {**data, key: _bent(random, data[key], junk)}
    return junk


PROBES: dict[str, Callable[[World, Probe], None]] = {
    COMMUTES: _commutes,
    IDEMPOTENT: _idempotent,
    COMMUTATIVE: _commutative,
    ASSOCIATIVE: _associative,
    NOTHING_NEW: _nothing_new,
    JOIN_FOLD: _join_fold,
    FOLDS: _folds,
    CODEC: _codec,
    READING: _reading,
    FRESH: _fresh,
    REFUSES: _junk,
}
