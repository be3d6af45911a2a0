"""Clusters of both kinds whose learners are fed by other followers, and who meddles with that."""

from random import Random
from typing import Any

import primary_cluster
import primary_operator
import raft_cluster
import raft_operator
from feeding import Feeding


class FedRaft(Feeding, raft_cluster.Cluster):
    """Consensus."""

    _install = raft_cluster.Cluster._install


class FedPrimary(Feeding, primary_cluster.Cluster):
    """Leader–follower."""

    encodes_copies = False
    _install = primary_cluster.Cluster._install


def draw_sources(cluster: Any, random: Random) -> None:
    """Somebody is fed by somebody else from now on: sensibly, in chains, in circles, or not."""
    names = sorted(cluster.nodes)
    for name in names:
        if random.random() < 0.5:
            cluster.sources[name] = random.choice(["", *(n for n in names if n != name)])


class RaftMeddler(raft_operator.Operator):
    """Beside all else, it says who is fed by whom."""

    def __init__(self, cluster: FedRaft, random: Random) -> None:
        super().__init__(cluster, random)
        self.changes = random.choice((0.02, 0.1))

    def act(self) -> None:
        if self.random.random() < 0.1:
            draw_sources(self.cluster, self.random)
        super().act()


class PrimaryMeddler(primary_operator.Operator):
    """Beside all else, it says who is fed by whom."""

    def act(self) -> None:
        if self.random.random() < 0.1:
            draw_sources(self.cluster, self.random)
        super().act()
