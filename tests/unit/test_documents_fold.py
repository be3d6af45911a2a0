"""Three roads, one state: whole documents, with deletion, clearing, folding and restarts."""

from itertools import combinations
from random import Random

import pytest

from plait.types import catalogue
from tests.unit.shelf_types import type_of
from tests.unit.shelf_world import PATHS, Replica, Storm


def meet(replicas):
    """Everybody has everything."""
    for _ in range(2):
        for one in replicas:
            for other in replicas:
                if one is not other:
                    one.receive_state(other)


REAL_PATHS = [
    ("c:likes",), ("r:title",), ("aw:tags",), ("rw:also",), ("ew:on",), ("gc:seen",), ("b:stock",),
    ("o:meta", "m:text"), ("o:meta", "o:in", "q:asked"), ("o:meta", "t:tree"),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_replicas_that_travelled_different_roads_have_the_same_bytes(seed):
    storm(Random(seed), type_of, PATHS)


@pytest.mark.parametrize("seed", range(20))
def test_so_it_is_with_the_types_of_the_catalogue(seed):
    storm(Random(seed), catalogue.type_of, REAL_PATHS)


def storm(random, types, paths):
    replicas = [Replica(r, documents_max=2, types=types) for r in (11, 22, 33)]
    keys = ["a", "b", "c", "d"][: random.randrange(1, 5)]
    world = Storm(random, replicas, keys, random.sample(paths, random.randrange(1, 5)))
    for _ in range(100):
        world.step()
        for one, other in combinations(replicas, 2):
            if one.vector == other.vector:
                cut = one.stable.merged(other.stable)
                assert images(one, keys, cut) == images(other, keys, cut)
    meet(replicas)
    cut = replicas[0].stable
    assert len({one.shelf.canonical(cut) for one in replicas}) == 1
    assert len({tuple(one.shelf.keys(None, None)) for one in replicas}) == 1
    for one in replicas:
        assert one.shelf.count() == len(list(one.shelf.keys(None, None)))


def images(one, keys, cut):
    return [one.shelf.image(key, cut) for key in keys]
