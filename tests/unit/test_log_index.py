"""Runs of positions, through every way in which rows come and go."""

import random
from array import array

import pytest

from plait.host.log_index import LineIndex, pack_offsets, unpack_offsets


def offsets(*values: int) -> "array[int]":
    return array("I", values)


def places(index: LineIndex, head: int, tail: int) -> list[tuple[int, int]]:
    found = []
    for position in range(head, tail):
        run = index.locate(position)
        assert run.start <= position < run.stop
        found.append((run.segment, run.offsets[position - run.start]))
    return found


def test_rows_of_one_segment_are_one_run():
    index = LineIndex()
    index.append(1, 0, offsets(10, 20), 20)
    index.append(1, 2, offsets(30), 40)
    index.append(2, 3, offsets(5), 10)
    index.append(2, 4, offsets(), 0)
    assert [(run.segment, run.start, run.stop) for run in index.runs] == [(1, 0, 3), (2, 3, 4)]
    assert index.runs[0].size == pytest.approx(60)


def test_what_is_cut_comes_back_as_an_index_of_its_own():
    index = LineIndex()
    index.append(1, 0, offsets(10, 20, 30), 30)
    index.append(2, 3, offsets(5, 6), 20)
    cut = index.cut(1)
    assert places(index, 0, 1) == [(1, 10)]
    assert places(cut, 1, 5) == [(1, 20), (1, 30), (2, 5), (2, 6)]
    assert index.cut(1).runs == []


def test_moved_rows_join_the_run_before_them():
    index = LineIndex()
    index.append(1, 0, offsets(10, 20, 30), 30)
    index.append(2, 3, offsets(5), 10)
    index.move(3, 0, offsets(100), 10)
    index.move(3, 1, offsets(110, 120), 20)
    assert [(run.segment, run.start, run.stop) for run in index.runs] == [(3, 0, 3), (2, 3, 4)]
    assert places(index, 0, 4) == [(3, 100), (3, 110), (3, 120), (2, 5)]


@pytest.mark.parametrize("seed", range(20))
def test_an_index_matches_a_plain_dictionary(seed):
    rng = random.Random(seed)
    index, model, segment = LineIndex(), {}, 1
    head = tail = 0
    for step in range(1, 200):
        chance = rng.random()
        if chance < 0.5:
            values = [rng.randrange(1 << 32) for _ in range(rng.randrange(5))]
            index.append(segment, tail, offsets(*values), 10 * len(values))
            model.update(enumerate(((segment, value) for value in values), tail))
            tail += len(values)
        elif chance < 0.6:
            tail = rng.randint(head, tail)
            index.cut(tail)
        elif chance < 0.7:
            head = rng.randint(head, tail)
            index.trim(head)
        elif chance < 0.8 and index.runs:
            run = rng.choice(index.runs)
            if run.segment != segment:
                values = [step * 1000 + n for n in range(rng.randint(1, len(run.offsets)))]
                model.update(enumerate(((segment, value) for value in values), run.start))
                index.move(segment, run.start, offsets(*values), 10 * len(values))
        else:
            segment += 1
        assert places(index, head, tail) == [model[position] for position in range(head, tail)]
        assert all(run.offsets for run in index.runs)


def test_offsets_are_packed_alike_on_every_machine():
    assert pack_offsets(offsets(1, 1 << 31)) == b"\1\0\0\0\0\0\0\x80"
    assert unpack_offsets(pack_offsets(offsets(7, 8))) == offsets(7, 8)
