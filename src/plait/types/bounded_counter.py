"""A counter that never goes below its minimum, at any replica, without anybody waiting.

What is above the minimum is split into *rights*: adding gives its replica rights, spending takes
them, and a transfer moves them to another replica. A replica spends only its own, which nobody
else can touch, so the sum cannot fall below the minimum whatever is concurrent.

Cells, each written by one replica only and cumulative::

    slot of replica i        {i's last event: (plus, minus)}    what it added and spent
    slot of (i, j), bytes    {i's last transfer: given}         what i gave to j

Bodies: ``amount`` (negative: spent), ``[to, amount]`` (a transfer).

Invariant: at every replica, for each replica i, plus - minus - given + received >= 0, of the cells
that an event of i has seen, and after that event too.

Source: Balegas et al., "Extending eventually consistent cloud databases for enforcing numeric
invariants" (2015).

Absent: a clear. It would take units away that others may be spending just then, so a bounded
counter stays when what holds it is removed. Absent too: rights of a retired replica for others.
They stay in the value and nobody can spend them: two that took them over at once would spend them
twice, and only an order that all agree on could tell which was first.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from plait.base.causality import Dot
from plait.base.codec import decode, encode
from plait.base.errors import BadFrame, BadSettings, BadValue, RightsElsewhere
from plait.base.ports import Random
from plait.graph.event import REPLICA_MAX, Event
from plait.types.cells import Cells, CellType
from plait.types.graph_type import GraphType, Happened, Here, Mutation, Slot
from plait.types.tally import TOTAL_MAX, check_amount


class BoundedCounter(CellType):
    """Mutations ("add", n), ("spend", n) and ("transfer", replica, n), with n >= 0."""

    tag = "b"

    def __init__(self, minimum: int = 0) -> None:
        """`minimum`: the value before anything was added. Only reading needs it."""
        if type(minimum) is not int or not -TOTAL_MAX <= minimum <= TOTAL_MAX:
            raise BadSettings(f"a minimum is an int up to {TOTAL_MAX}, not {minimum!r}")
        self.minimum = minimum

    def prepare(self, state: Cells, mutation: Mutation, here: Here) -> Any:
        """`RightsElsewhere` if this replica may not spend or give as much; `BadValue`."""
        match mutation:
            case ("add" | "spend", amount):
                to = None
            case ("transfer", to, amount):
                _check_replica(to, here)
            case _:
                raise self.unknown(mutation)
        if check_amount(amount) < 0:
            raise BadValue(f"{mutation[0]} takes an amount >= 0, not {amount}")
        if not amount:
            return None
        plus, minus = _totals(state, here.replica)
        if mutation[0] == "add":
            _check_total(plus + amount)
            return amount
        self._check_rights(state, amount, here.replica)
        if to is None:
            _check_total(minus + amount)
            return -amount
        _check_total(_given(state, _pair(here.replica, to)) + amount)
        return [to, amount]

    def apply(self, state: Cells, body: Any, event: Event) -> None:
        """Change the author's own cells."""
        author = event.replica
        if type(body) is int and body:
            plus, minus = _totals(state, author)
            if body > 0:
                plus += body
            else:
                minus -= body
            if plus <= TOTAL_MAX and minus <= TOTAL_MAX:
                state.place(author, {event.dot: (plus, minus)})
        elif _is_transfer(body):
            pair = _pair(author, body[0])
            given = _given(state, pair) + body[1]
            if given <= TOTAL_MAX:
                state.place(pair, {event.dot: given})

    clear = GraphType.clear  # cannot be

    # ------------------------------------------------------------------ reading

    def value(self, state: Cells) -> int:
        """The minimum, and what was added and not spent."""
        value = self.minimum
        for slot, cells in state.slots.items():
            if type(slot) is int:
                ((plus, minus),) = cells.values()
                value += plus - minus
        return value

    def rights(self, state: Cells) -> dict[int, int]:
        """The units that each replica may spend, as far as this one has seen; only those > 0."""
        rights: dict[int, int] = {}
        for slot, cells in state.slots.items():
            if type(slot) is int:
                ((plus, minus),) = cells.values()
                rights[slot] = rights.get(slot, 0) + plus - minus
            else:
                (given,) = cells.values()
                giver, receiver = _ends(slot)
                rights[giver] = rights.get(giver, 0) - given
                rights[receiver] = rights.get(receiver, 0) + given
        return {replica: units for replica, units in sorted(rights.items()) if units > 0}

    def touched(self, body: Any, replica: int) -> Iterable[Slot] | None:
        """The author's slot, or that of the pair."""
        return (_pair(replica, body[0]),) if _is_transfer(body) else (replica,)

    def inverse(self, state: Cells, mutation: Mutation, dot: Dot) -> Mutation | None:
        """Spending what was added, adding what was spent; a transfer is the receiver's now."""
        match mutation:
            case ("add", amount):
                return ("spend", amount)
            case ("spend", amount):
                return ("add", amount)
        return None

    def gen_op(self, random: Random, state: Cells) -> Mutation:
        """Small amounts; whoever has rights gives some to somebody seen, who may be itself."""
        amount = 1 + random.getrandbits(1)
        kind = random.getrandbits(2)
        seen = sorted(slot for slot in state.slots if type(slot) is int)
        if kind == 3 and seen:
            return ("transfer", seen[random.getrandbits(8) % len(seen)], amount)
        return ("spend" if kind == 2 else "add", amount)

    def specification(self, history: Sequence[Happened]) -> int:
        """The minimum and all amounts."""
        return self.minimum + sum(event.body for event in history if type(event.body) is int)

    # ------------------------------------------------------------------ joining

    def joined(self, slot: Slot, cells: dict[Dot, Any]) -> dict[Dot, Any]:
        """The owner's latest."""
        return cells if len(cells) <= 1 else dict([max(cells.items())])

    def check_slot(self, slot: Slot) -> None:
        """A replica, or two that are not the same."""
        if type(slot) is not int:
            giver, receiver = _ends(slot)
            if not _is_replica(giver) or not _is_replica(receiver) or giver == receiver:
                raise BadFrame(f"{slot!r} is no pair of replicas")
            if _pair(giver, receiver) != slot:
                raise BadFrame(f"{slot!r} spells a pair in another way")

    def payload(self, slot: Slot, payload: Any) -> Any:
        """Totals that a replica can have."""
        totals = payload if type(slot) is int else (payload,)
        if type(slot) is int:
            plus, minus = payload
            payload = totals = (plus, minus)
        if not all(type(total) is int and 0 <= total <= TOTAL_MAX for total in totals):
            raise BadFrame(f"{payload!r} are no totals")
        return payload

    def checked(self, slot: Slot, cells: dict[Dot, Any]) -> dict[Dot, Any]:
        """One cell at most, of the owner."""
        owner = slot if type(slot) is int else _ends(slot)[0]
        if len(cells) > 1 or any(replica != owner for replica, _ in cells):
            raise BadFrame(f"{cells!r} are no cells of {owner}")
        return cells

    def _check_rights(self, state: Cells, amount: int, replica: int) -> None:
        rights = self.rights(state)
        if rights.get(replica, 0) < amount:
            raise RightsElsewhere(
                f"this replica may spend {rights.get(replica, 0)}, not {amount}",
                rights={f"{other:x}": units for other, units in rights.items()},
            )


def _totals(state: Cells, replica: int) -> tuple[int, int]:
    cells = state.slots.get(replica)
    if cells is None:
        return (0, 0)
    ((plus, minus),) = cells.values()
    return (plus, minus)


def _given(state: Cells, pair: bytes) -> int:
    cells = state.slots.get(pair)
    return 0 if cells is None else int(*cells.values())


def _pair(giver: int, receiver: int) -> bytes:
    return encode((giver, receiver))


def _ends(pair: Slot) -> Any:
    assert isinstance(pair, bytes)
    return decode(pair)


def _is_replica(replica: Any) -> bool:
    return type(replica) is int and 1 <= replica <= REPLICA_MAX


def _is_transfer(body: Any) -> bool:
    if type(body) is not list or len(body) != 2:
        return False
    return _is_replica(body[0]) and type(body[1]) is int and body[1] > 0


def _check_replica(to: Any, here: Here) -> None:
    if not _is_replica(to) or to == here.replica:
        raise BadValue(f"{to!r} is no other replica")


def _check_total(total: int) -> None:
    if total > TOTAL_MAX:
        raise BadValue(f"one replica adds, spends and gives up to {TOTAL_MAX}, not {total}")
