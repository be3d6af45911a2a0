"""What is owed for an id that was given up is written anew exactly where it does not count."""

from collections.abc import Sequence

import msgspec

from plait.base.causality import Dot, VersionVector
from plait.engines.graph.owed import Intent, decode_owed, encode_owed, unsettled
from plait.engines.graph.reissue import reissue
from plait.graph.event import APPLY, CLEAR, Op
from plait.types.graph_type import Mutation
from plait.types.paths import Path

OLD, NEW, OTHER = 1, 2, 3


class Slots:
    """A register as it stands."""

    def __init__(self, *cells: tuple[Dot, int]) -> None:
        self.slots = {b"": {dot: [stamp, "value"] for dot, stamp in cells}}


class Writing:
    """A replica that notes what is written."""

    def __init__(
        self, state: Slots | None = None, counts: Sequence[Dot] = (), open_from: int = 99
    ) -> None:
        self.done: list[object] = []
        self.state = state
        self.vector = VersionVector(counts)
        self.open_from = open_from  # nobody knows yet whether events from here on count

    def fate(self, dot: Dot) -> bool | None:
        return True if self.vector.contains(dot) else None if dot[1] >= self.open_from else False

    def write_mutation(self, key: str, path: Path, mutation: Mutation) -> Dot | None:
        self.done.append((key, path, mutation))
        dot = (NEW, len(self.done))
        if self.state is None and path[-1].startswith("r:"):
            self.state = Slots((dot, 1000))
        return dot

    def write_clear(self, key: str, path: Path) -> None:
        self.done.append((key, path, "clear"))

    def write_op(self, op: Op) -> None:
        self.done.append(op)

    def object_state(self, key: str, path: Path) -> Slots | None:
        return self.state


def added(amount: int, *dots: Dot) -> Intent:
    return Intent(5, "k", ("c:n",), APPLY, amount, dots)


def titled(value: str, hlc: int) -> Intent:
    return Intent(hlc, "k", ("r:t",), APPLY, [value], ((OLD, hlc),))


def test_counts_are_added_and_clears_prepared_again_and_other_operations_are_told_again():
    intents = (
        added(3),
        Intent(5, "k", ("c:n",), APPLY, [-4]),
        Intent(5, "k", ("aw:tags",), APPLY, ["x"]),
        Intent(5, "k", ("o:m",), CLEAR, None),
    )
    writing = Writing()
    assert reissue(writing, encode_owed(intents)) == ([], (), ())
    assert writing.done == [
        ("k", ("c:n",), ("add", 3)),
        ("k", ("c:n",), ("add", -4)),
        Op("k", ("aw:tags",), ["x"], APPLY),
        ("k", ("o:m",), "clear"),
    ]


def test_what_counts_as_it_is_stays_owed_and_the_rest_is_written_anew():
    intents = (added(1, (OLD, 4)), added(2, (OLD, 5)), added(3))
    writing = Writing(counts=[(OLD, 4)])
    assert reissue(writing, encode_owed(intents)) == ([], intents[:1], ())
    assert [mutation for _, _, mutation in writing.done] == [("add", 2), ("add", 3)]


def test_what_may_count_yet_waits_unless_it_was_said_that_it_never_will():
    never = msgspec.structs.replace(added(3, (OLD, 6)), beyond=True)
    intents = (added(1, (OLD, 4)), added(2, (OLD, 5)), never)
    writing = Writing(open_from=5)
    assert reissue(writing, encode_owed(intents)) == ([], (), intents[1:2])
    assert [mutation for _, _, mutation in writing.done] == [("add", 1), ("add", 3)]


def test_what_is_owed_is_owed_until_all_of_it_is_stable():
    intents = (added(1, (OLD, 4)), added(2, (OLD, 5)), added(3, (OLD, 4), (OTHER, 1)), added(4))
    assert unsettled(intents, VersionVector()) == intents
    assert unsettled(intents, VersionVector({OLD: 4})) == intents[1:]
    assert unsettled(intents, VersionVector({OLD: 9, OTHER: 1})) == intents[3:]
    assert decode_owed(encode_owed(intents)) == intents
    assert decode_owed(encode_owed(())) == ()


def test_elements_of_a_list_that_count_stay_and_the_others_come_behind_them():
    inserted = [[None, [[OLD, 4, 0], [OLD, 5, 0], [OLD, 4, 1]], ["a", "b", "c"]]]
    intent = Intent(0, "k", ("l:x",), APPLY, inserted, ((OLD, 5),))

    class List(Slots):
        def index_of(self, element: tuple[int, ...]) -> int | None:
            return {(OLD, 4, 0): 0, (OLD, 4, 1): 1}.get(element)

    writing = Writing(List(), counts=[(OLD, 4)])
    left, there, _ = reissue(writing, encode_owed((intent,)))
    assert (left, writing.done) == ([], [("k", ("l:x",), ("insert", 1, ["b"]))])
    assert [one.body for one in there] == [
        [[None, [[OLD, 4, 0]], ["a"]], [[OLD, 4, 0], [[OLD, 4, 1]], ["c"]]]
    ]


def test_a_register_is_set_again_unless_it_was_set_later():
    owed = encode_owed((titled("mine", 50),))
    for stamp, again in ((40, True), (60, False)):
        writing = Writing(Slots(((OTHER, 1), stamp)))
        left, _, _ = reissue(writing, owed)
        assert bool(writing.done) == again
        assert bool(left) == (not again)


def test_a_register_that_was_set_twice_ends_as_it_was_set_last():
    writing = Writing()
    assert reissue(writing, encode_owed((titled("first", 50), titled("last", 60)))) == ([], (), ())
    assert [mutation for _, _, mutation in writing.done] == [("set", "first"), ("set", "last")]
