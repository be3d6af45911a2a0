"""Bundles help whoever has seen what they need; pieces count only together."""

from plait.base.causality import VersionVector
from plait.graph.event import BEAT, Batch, Op, pack
from plait.graph.messages import Ops
from plait.graph.offers import Bundle, Piece, answer_of, assemble, choose, extent_of, reach

LINEAGE = bytes(16)
ANN, BOB = 1, 2


def bundle(needs: dict[int, int], reaches: dict[int, int], road: str = "ops") -> Bundle[str]:
    return Bundle(road, VersionVector(needs), VersionVector(reaches), True, ("place",))


def piece(index: int, last: bool, name: str = "b") -> Piece:
    return Piece(LINEAGE, name, index, last, "state", (), ((ANN, 5),), True)


def page(*batches: Batch) -> Ops:
    packed = pack(batches)
    return Ops(LINEAGE, 1, False, packed.names, (b"",) * len(packed.names), packed.batches)


def batch(author: int, first: int, count: int = 1, seen: tuple[tuple[int, int], ...] = ()) -> Batch:
    return Batch(author, first, first, seen, (Op("", (BEAT,), None),) * count)


def test_a_bundle_needs_what_its_batches_have_seen_and_does_not_bring_itself():
    needs, reaches = extent_of(
        page(batch(ANN, 4, 2, ((BOB, 7),)), batch(BOB, 8, 1, ((ANN, 5),)), batch(ANN, 6))
    )
    assert needs == {ANN: 3, BOB: 7}
    assert reaches == {ANN: 6, BOB: 8}


def test_a_page_without_batches_is_no_bundle():
    assert answer_of([page()]) is None


def test_a_chain_of_bundles_leads_on_in_whatever_order_they_lie():
    chain = [bundle({ANN: 4}, {ANN: 6}), bundle({ANN: 2}, {ANN: 4}), bundle({}, {ANN: 2})]
    assert reach({}, chain) == {ANN: 6}
    assert reach({}, chain[:2]) == {}
    assert reach({ANN: 3}, chain) == {ANN: 6}


def test_the_cheapest_road_that_helps_is_taken():
    state, delta = bundle({}, {ANN: 9}, "state"), bundle({ANN: 2}, {ANN: 9}, "delta")
    ops = bundle({ANN: 5}, {ANN: 6})
    offered = [state, delta, ops]
    assert choose({ANN: 5}, offered) is ops
    assert choose({ANN: 2}, offered) is delta
    assert choose({}, offered) is state
    assert choose({ANN: 9}, offered) is None


def test_a_bundle_is_whole_or_not_there():
    first, second, third = piece(0, False), piece(1, False), piece(2, True)
    assert assemble([("c", third), ("a", first)]) == []
    assert assemble([("a", first), ("b", second)]) == []
    (found,) = assemble([("c", third), ("b", second), ("b again", second), ("a", first)])
    assert found.pieces == ("a", "b", "c")


def test_a_piece_that_lies_about_vectors_is_passed_over():
    strange = Piece(LINEAGE, "b", 0, True, "ops", (), ((-1, 5),), True)
    assert assemble([("a", strange)]) == []
