"""The judge catches a server that answers from a deposed leader's state, and passes ours.

The schedule is the same for both: the leader is paused with a read of it on the way, the others
elect and acknowledge a write, and the leader wakes to find the read first.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from faults import LIMITS, PATIENCE_S, FaultyNodes
from nodes import HERE
from workload import judge

from plait import Consensus
from plait.api.recording import RecordedTable
from plait.api.store import Store
from plait.base.errors import PlaitError
from plait.check import Recorder, Verdict, check_history, load_history
from plait.client.backend import connect

LINE = "consensus"
HISTORY = "history.jsonl"
ROUNDS = 2
READERS = 4  # so many reads wait at the paused leader
OURS = ("-m", "plait")
CARELESS = (str(HERE / "careless.py"),)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def nodes(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[FaultyNodes]:
    cluster = FaultyNodes(tmp_path, program=request.param)
    cluster.start()
    yield cluster
    cluster.close()


async def verdict_of(nodes: FaultyNodes) -> Verdict:
    path = nodes.folder / HISTORY
    with Recorder(path) as recorder:
        async with Store(await connect(nodes.url, limits=LIMITS)) as store:
            table = await store.table("registers", Consensus())
            writer = RecordedTable(table, recorder, "writer")
            for round_ in range(ROUNDS):
                await _read_at_a_deposed_leader(nodes, recorder, writer, round_)
    return check_history(load_history(path), "register", time_limit=60)


async def _read_at_a_deposed_leader(
    nodes: FaultyNodes, recorder: Recorder, writer: RecordedTable, round_: int
) -> None:
    await writer.put("x", 2 * round_)
    leader = await nodes.leader(LINE)
    async with AsyncExitStack() as stack:
        readers = [
            await _bound(stack, nodes, leader, recorder, f"reader {round_}.{number}")
            for number in range(READERS)
        ]
        nodes.pause(leader)
        await nodes.leader(LINE, other_than=leader)
        async with asyncio.timeout(PATIENCE_S):
            await writer.put("x", 2 * round_ + 1)
        reading = [asyncio.ensure_future(reader.get("x")) for reader in readers]
        await asyncio.sleep(0.1)  # the reads are on the way
        nodes.resume(leader)
        for outcome in await asyncio.gather(*reading, return_exceptions=True):
            assert not isinstance(outcome, BaseException) or isinstance(outcome, PlaitError)
    await nodes.level(LINE)


async def _bound(
    stack: AsyncExitStack, nodes: FaultyNodes, name: str, recorder: Recorder, process: str
) -> RecordedTable:
    """A client that asks one node only, and has asked it before."""
    backend = await connect(nodes.only(name), limits=LIMITS, only=True)
    store = await stack.enter_async_context(Store(backend))
    table = RecordedTable(await store.table("registers"), recorder, process)
    await table.get("x")
    return table


@pytest.mark.parametrize("nodes", [CARELESS], indirect=True)
async def test_a_server_whose_deposed_leader_answers_from_its_own_state_is_caught(
    nodes: FaultyNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = await verdict_of(nodes)
    assert verdict.linearizable is False
    assert verdict.counterexample is not None
    assert any(o.process != "writer" for o in verdict.counterexample.operations)

    kept = nodes.folder / "kept"
    monkeypatch.setenv("PLAIT_HISTORIES", str(kept))
    with pytest.raises(pytest.fail.Exception, match="no order explains") as failure:
        judge(nodes.folder / HISTORY, "register")
    command = str(failure.value).splitlines()[-1]
    again = await asyncio.create_subprocess_exec(*command.split(), stdout=asyncio.subprocess.PIPE)
    told, _ = await again.communicate()
    assert again.returncode == 1
    assert str(kept).encode() in told


@pytest.mark.parametrize("nodes", [OURS], indirect=True)
async def test_ours_passes_the_same_schedule(nodes: FaultyNodes) -> None:
    verdict = await verdict_of(nodes)
    assert verdict.linearizable is True, verdict.explain()
    assert verdict.operations >= ROUNDS * (2 + READERS)
