"""Lines that go from the nodes' own disks to NATS, to PostgreSQL and back, while everything fails.

Each step of the way meets a blow at a random moment of the move: kill -9 of the line's leader, of
the control line's, of a NATS server or of PostgreSQL, or SIGSTOP.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import moving
import pytest
from moving import ROUNDS, Blow, Feed, MovingNodes, Servers, soak, there
from tellers import Tellers
from workload import Workload

import plait
from plait import Consensus

SEED = int(os.environ.get("PLAIT_SEED", "1"))
MOMENT_S = 0.15  # within which a blow falls, from the order to move on
MORE = 20  # transfers after each step

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240 + 120 * ROUNDS)]


@pytest.fixture(scope="module")
def engines() -> Iterator[Servers]:
    with moving.servers() as found:
        yield found


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[MovingNodes]:
    cluster = MovingNodes(tmp_path)
    cluster.start()
    yield cluster
    cluster.close()


async def step(
    nodes: MovingNodes, engines: Servers, lines: tuple[str, ...], to: str, blow: Blow,
    chance: random.Random,
) -> None:  # fmt: skip
    """Move the lines while something fails."""
    async with asyncio.TaskGroup() as group:
        for line in lines:
            group.create_task(there(nodes, line, to))
        await asyncio.sleep(chance.uniform(0.0, MOMENT_S))
        await blow(nodes, engines, lines[0], chance)


async def test_no_money_is_lost_or_moved_twice_while_lines_move_and_everything_is_killed(
    nodes: MovingNodes, engines: Servers
) -> None:
    tellers, chance = Tellers(nodes, SEED), random.Random(SEED)
    await tellers.open()
    feed = Feed(nodes, "transfers")
    blows = [blow for _ in range(ROUNDS) for blow in chance.sample(moving.BLOWS, 3)]
    async with asyncio.TaskGroup() as group:
        group.create_task(tellers.run())
        watching = group.create_task(feed.run())
        for number, blow in enumerate(blows):
            to = engines.route[number % len(engines.route)]
            before = tellers.acknowledged
            await step(nodes, engines, tellers.lines, to, blow, chance)
            await tellers.more(before, MORE)
            print(f"{blow.__name__} on the way to {to}: {tellers.acknowledged:,} transfers")
        tellers.stop()
        await feed.has(tellers.table_books.acknowledged)
        watching.cancel()
    await tellers.audit()
    async with plait.connect(nodes.url) as store:
        rows = {key async for key, _ in (await store.table("transfers")).scan()}
    assert set(feed.seen) - rows == set(), "the feed showed what did not happen"
    assert set(feed.seen.values()) == {1}, "the feed showed something twice"
    print(f"{len(blows)} moves, {tellers.acknowledged:,} transfers, {len(feed.seen):,} in the feed")


@soak
async def test_histories_are_linearizable_while_a_line_moves_and_everything_is_killed(
    nodes: MovingNodes, engines: Servers
) -> None:
    work, chance = Workload(nodes, nodes.folder, Consensus(), SEED), random.Random(f"{SEED} judged")
    blows = [blow for _ in range(ROUNDS) for blow in chance.sample(moving.BLOWS, 3)]
    async with asyncio.TaskGroup() as group:
        group.create_task(work.run())
        await work.more()
        for number, blow in enumerate(blows):
            to = engines.route[number % len(engines.route)]
            await step(nodes, engines, ("consensus",), to, blow, chance)
            await work.more()
            print(f"{blow.__name__} on the way to {to}: {work.acknowledged:,} writes")
        work.stop()
    print(f"{len(blows)} moves, {work.judge():,} operations")


@soak
async def test_when_lines_are_back_their_engines_can_go_and_whoever_was_away_catches_up(
    nodes: MovingNodes, engines: Servers
) -> None:
    tellers = Tellers(nodes, SEED)
    await tellers.open()
    nodes.kill("n3")
    async with asyncio.TaskGroup() as group:
        group.create_task(tellers.run())
        for to in engines.route:
            before = tellers.acknowledged
            for line in tellers.lines:
                await there(nodes, line, to)
            await tellers.more(before)
        engines.stop()
        nodes.start("n3")
        nodes.join("n4")
        nodes.kill("n1")
        before = tellers.acknowledged
        await tellers.more(before)
        nodes.start("n1")
        await tellers.more(before + MORE)
        tellers.stop()
    for name in ("n1", "n2"):
        nodes.kill(name)
        nodes.start(name)
    await tellers.audit()
