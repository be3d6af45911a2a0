"""Three roads, one state: whole documents, with deletion, clearing, folding and restarts between."""

from random import Random

import pytest
from tests.unit.shelf_world import Replica, Storm


def meet(replicas):
    """Everybody has everything."""
    for _ in range(2):
        for one in replicas:
            for other in replicas:
                if one is not other:
                    one.receive_state(other)


@pytest.mark.parametrize("seed", range(60))
def test_replicas_that_travelled_different_roads_have_the_same_bytes(seed):
    random = Random(seed)
    replicas = [Replica(r, documents_max=2) for r in (11, 22, 33)]
    keys = ["a", "b", "c", "d"][: random.randrange(1, 5)]
    storm = Storm(random, replicas, keys)
    for _ in range(120):
        storm.step()
        for one in replicas:
            for other in replicas:
                if one.vector == other.vector:
                    cut = one.floor.merged(other.floor)
                    assert images(one, keys, cut) == images(other, keys, cut)
    meet(replicas)
    cut = replicas[0].vector
    assert len({one.shelf.canonical(cut) for one in replicas}) == 1
    assert len({tuple(one.shelf.keys(None, None)) for one in replicas}) == 1
    for one in replicas:
        assert one.shelf.count() == len(list(one.shelf.keys(None, None)))


def images(one, keys, cut):
    return [one.shelf.image(key, cut) for key in keys]
