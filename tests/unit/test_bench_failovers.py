"""Kills in turns: who is killed how often, and what becomes of a system that does not recover."""

import pytest

from plait.bench import failovers
from plait.bench.processes import PeerUnavailable


class Target:
    def __init__(self, system, outcomes):
        self.system = system
        self.timers = "defaults"
        self.outcomes = iter(outcomes)


@pytest.fixture
def kills(monkeypatch):
    """The order of kills; nothing is started, and each target says what its next kill brings."""
    order = []

    async def time_to_write_s(target):
        order.append(target.system)
        outcome = next(target.outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def plait(folder, stack):
        return Target("plait", [0.4, 0.2, 0.3])

    async def etcd(folder, stack):
        return [Target("etcd", [1.0, TimeoutError(), 2.0])]

    async def jetstream(folder, stack):
        raise PeerUnavailable("no nats-server")

    monkeypatch.setattr(failovers, "time_to_write_s", time_to_write_s)
    monkeypatch.setattr(failovers, "_plait", plait)
    monkeypatch.setattr(failovers, "_PEER_STARTERS", {"etcd": etcd, "jetstream": jetstream})
    return order


async def test_systems_take_turns_until_one_does_not_recover(kills, tmp_path):
    rows = await failovers.measure_failovers(tmp_path, 3, ["etcd"], lambda _: None)
    assert kills == ["plait", "etcd", "plait", "etcd", "plait"]
    plait, etcd = rows
    assert plait["median_ms"] == 300.0
    assert "failed" not in plait
    assert etcd["all_ms"] == [1000.0]
    assert "no write" in etcd["failed"]


async def test_a_peer_that_does_not_start_is_a_row_that_says_so(kills, tmp_path):
    rows = await failovers.measure_failovers(tmp_path, 1, ["jetstream"], lambda _: None)
    assert kills == ["plait"]
    assert rows[1] == {"system": "jetstream", "timers": "", "failed": "no nats-server"}


async def test_what_goes_wrong_is_told_as_it_happens(kills, tmp_path):
    told = []
    await failovers.measure_failovers(tmp_path, 2, ["etcd"], told.append)
    assert any("etcd did not fail over" in line for line in told)
