"""What the search walks over: one part's events, with everything that can be known in advance.

Who is pending between two events does not depend on the order that the search tries, so bits are
given out here: each operation has a bit while it is pending, and the bit is used again afterwards.
A set of pending operations is then a small integer, however long the history is.

Indefinite operations never end, so they get no bits. Those with equal effects can take each
other's place: it is enough to count how many were used. The counts are fields of one integer, each
with a spare bit above it so that all fields are compared by one subtraction.

Reads and mutators have their bits in separate integers. Operations that say nothing (an indefinite
read) and indefinite ones that nobody could notice are left out.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable
from enum import IntEnum
from typing import NamedTuple

from plait.check.history import Operation, Operations
from plait.check.models import ILLEGAL, Model


class Step(IntEnum):
    """Kinds of events that the search stops at."""

    READ_INVOKED = 0
    READ_RETURNED = 1
    MUTATOR_RETURNED = 2
    SPARE_INVOKED = 3  # a mutator that need not happen, and not after its return


class Pending(NamedTuple):
    """A definite operation that is pending at some event."""

    bit: int
    effect: int
    operation: int  # its place in `Plan.operations`


class Kind(NamedTuple):
    """Indefinite operations with one effect."""

    effect: int
    unit: int  # one of them, in the integer of counts
    field: int  # mask of their field


class Plan:
    """Events of one part; the lists of the second block are indexed by event."""

    def __init__(
        self, model: Model, operations: Operations, spare: frozenset[int] = frozenset()
    ) -> None:
        """spare: places of operations that need not happen (for shrinking)."""
        self.model = model
        self.operations = operations
        self.effects: list[Hashable] = []  # by number
        self.only_reads: list[bool] = []  # by effect, as are the next three
        self.total: list[bool] = []  # and it is not known that somebody must see it
        self.blind: list[bool] = []
        self.grows: list[bool] = []

        self.kind: list[Step] = []
        self.bit: list[int] = []
        self.effect: list[int] = []
        self.operation: list[int] = []
        self.mutators: list[tuple[Pending, ...]] = []  # the first to return first
        self.reads: list[tuple[Pending, ...]] = []
        self.total_bits: list[int] = []  # of pending mutators that are legal in every state
        self.indefinite: list[int] = []  # how many kinds are available at all

        self.kinds: list[Kind] = []
        self.kind_places: list[list[int]] = []  # at which events each kind becomes available
        self.kind_operations: list[list[int]] = []
        self.guards = 0  # the spare bits of all fields
        self.invoked: list[tuple[int, int]] = []  # definite mutators: event, effect
        self.last_need: dict[Hashable, int] = {}  # by state: when it is asked for, invoked last
        self._numbers: dict[Hashable, int] = {}
        effects, unseen = self._effects()
        # No mutator asks for a state, and each either overwrites it or adds to it.
        self.tame = all(
            reads or blind or (total and grows)
            for reads, blind, total, grows in zip(
                self.only_reads, self.blind, self.total, self.grows, strict=True
            )
        )
        self._find_states_made_once(spare, effects, unseen)
        self._lay_out(spare, effects, unseen)
        self._foresee()

    def __len__(self) -> int:
        return len(self.kind)

    def nth(self, kind: int, index: int) -> int:
        """The place of an indefinite operation: the `index`th of its kind."""
        return self.kind_operations[kind][index]

    def available(self, kind: int, event: int) -> int:
        """How many operations of an indefinite kind were invoked before an event."""
        return bisect_left(self.kind_places[kind], event + 1)

    # ------------------------------------------------------------------ building

    def _effects(self) -> tuple[list[int | None], frozenset[Hashable]]:
        numbers: list[int | None] = []
        for operation in self.operations:
            effect = self.model.effect(operation)
            numbers.append(None if effect is None else self._number(effect))
        return numbers, self.model.unseen(frozenset(self.effects))

    def _number(self, effect: Hashable) -> int:
        number = self._numbers.get(effect)
        if number is None:
            number = self._numbers[effect] = len(self.effects)
            self.effects.append(effect)
            self.only_reads.append(self.model.only_reads(effect))
            self.total.append(self.model.total(effect))
            self.blind.append(self.model.blind(effect))
            self.grows.append(self.model.grows(effect))
        return number

    def _find_states_made_once(
        self, spare: frozenset[int], numbers: list[int | None], unseen: frozenset[Hashable]
    ) -> None:
        """What only one operation can bring about, and somebody saw, was there to be seen."""
        makers = Counter([self.model.initial])
        needed: set[Hashable] = set()
        for place, operation in enumerate(self.operations):
            number = numbers[place]
            if number is None or self.effects[number] in unseen:
                continue
            effect = self.effects[number]
            if not self.only_reads[number]:
                makes = self.model.makes(effect)
                if makes is ILLEGAL:
                    return  # it may make any state
                makers[makes] += 1
            if operation.definite and place not in spare:
                needed.add(self.model.needs(effect))
        self.last_need = {
            state: -1 for state, count in makers.items() if count == 1 and state in needed
        }
        for number, effect in enumerate(self.effects):
            if self.total[number] and self.model.makes(effect) in self.last_need:
                self.total[number] = False

    def _lay_out(
        self, spare: frozenset[int], numbers: list[int | None], unseen: frozenset[Hashable]
    ) -> None:
        marks: list[tuple[int, int, bool]] = []  # event, operation, it returns
        for place, operation in enumerate(self.operations):
            effect = numbers[place]
            if effect is None:
                continue
            if operation.returned is not None:
                if place in spare and self.only_reads[effect]:
                    continue
                marks += (operation.invoked, place, False), (operation.returned, place, True)
            elif not self.only_reads[effect] and self.effects[effect] not in unseen:
                marks.append((operation.invoked, place, False))
        marks.sort()
        pending = {True: _Slots(), False: _Slots()}  # by: it only reads
        kinds: dict[int, list[tuple[int, int]]] = {}  # by effect: event, operation
        for _, place, returns in marks:
            effect = numbers[place]
            assert effect is not None
            if self.operations[place].returned is None:
                kinds.setdefault(effect, []).append((len(self.kind), place))
                continue
            slots = pending[self.only_reads[effect]]
            if not returns:
                if place not in spare:
                    state = self.model.needs(self.effects[effect])
                    if state in self.last_need:
                        self.last_need[state] = len(self.kind)
                item = slots.take(effect, place, self.operations[place])
                if not self.only_reads[effect]:
                    self.invoked.append((len(self.kind), effect))
                if self.only_reads[effect]:
                    self._event(Step.READ_INVOKED, item, pending, len(kinds))
                elif place in spare:
                    self._event(Step.SPARE_INVOKED, item, pending, len(kinds))
                continue
            step = Step.READ_RETURNED if self.only_reads[effect] else Step.MUTATOR_RETURNED
            item = slots.pending[place]
            self._event(step, item, pending, len(kinds))
            slots.free(place)
        self._count_kinds(kinds)

    def _event(self, step: Step, item: Pending, pending: dict[bool, "_Slots"], kinds: int) -> None:
        mutators = pending[False].in_order()
        self.kind.append(step)
        self.bit.append(item.bit)
        self.effect.append(item.effect)
        self.operation.append(item.operation)
        self.mutators.append(mutators)
        self.reads.append(pending[True].in_order())
        bits = 0
        for other in mutators:
            if self.total[other.effect]:
                bits |= other.bit
        self.total_bits.append(bits)
        self.indefinite.append(kinds)

    def _count_kinds(self, kinds: dict[int, list[tuple[int, int]]]) -> None:
        shift = 0
        for effect, members in kinds.items():
            width = len(members).bit_length()
            self.kinds.append(Kind(effect, 1 << shift, ((1 << width) - 1) << shift))
            self.kind_places.append([event for event, _ in members])
            self.kind_operations.append([place for _, place in members])
            self.guards |= 1 << (shift + width)
            shift += width + 1

    def _foresee(self) -> None:
        """Look ahead: to the read that returns first of those invoked later."""
        events = len(self.kind)
        self.next_read: list[int] = [events] * (events + 1)  # the event of its return
        returns = self.read_returns = {
            self.operation[event]: event
            for event in range(events)
            if self.kind[event] is Step.READ_RETURNED
        }
        for event in reversed(range(events)):
            self.next_read[event] = self.next_read[event + 1]
            if self.kind[event] is Step.READ_INVOKED:
                returned = returns[self.operation[event]]
                self.next_read[event] = min(self.next_read[event], returned)
        self.last_return: dict[int, int] = {}  # by effect, of definite reads
        for event in sorted(returns.values()):
            self.last_return[self.effect[event]] = event


class _Slots:
    """Gives out bits to pending operations, the lowest free one first."""

    def __init__(self) -> None:
        self.pending: dict[int, Pending] = {}
        self._returns: dict[int, int] = {}
        self._free: list[int] = []
        self._ordered: tuple[Pending, ...] | None = ()

    def take(self, effect: int, place: int, operation: Operation) -> Pending:
        """Give a bit to an operation that was just invoked."""
        bit = self._free.pop() if self._free else 1 << len(self.pending)
        item = self.pending[place] = Pending(bit, effect, place)
        self._returns[place] = operation.returned or 0
        self._ordered = None
        return item

    def free(self, place: int) -> None:
        """Take the bit back from one that returned."""
        self._free.append(self.pending.pop(place).bit)
        self._ordered = None

    def in_order(self) -> tuple[Pending, ...]:
        """Who is pending, the first to return first."""
        if self._ordered is None:
            order = sorted(self.pending, key=self._returns.__getitem__)
            self._ordered = tuple(map(self.pending.__getitem__, order))
        return self._ordered
