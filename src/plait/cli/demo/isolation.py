"""Scene: the leader is cut off from the other nodes, and replaced while it is alive.

It is cut off in both directions, so it cannot know that it was replaced, and clients still reach
it. What must be true: it acknowledges nothing, and once its lease has lapsed it takes nothing.
Then it is killed; what only it had is found again when it comes back.
"""

import asyncio
import time

from plait.api.store import Store
from plait.api.table import Table
from plait.base.errors import PlaitError, Unavailable
from plait.cli.demo.stage import ATTEMPT_S, PATIENCE_S, Stage
from plait.cli.demo.watching import (
    last_appointment,
    line_states,
    wait_led,
    wait_unreplicated,
)
from plait.cli.display import seconds
from plait.cli.exits import DemoFailed
from plait.cli.status_page import leader_of
from plait.client.limits import ClientLimits

WRITERS = 8
STREAM_S = 1.5  # of writes before the cut, and 2/3 of it after the kill
LONELY_WRITES = 20
LEASE_OVER_S = 2.2  # the lease lasts 2 s
LATE_S = 0.3  # that the client of a lapsed leader insists


async def isolate_leader(stage: Stage, store: Store, table: Table) -> None:
    """Tell the scene; `PlaitError` if it goes otherwise."""
    tell, ledger = stage.narrator, stage.ledger
    old = stage.leader = await wait_led(store, table.line, PATIENCE_S)
    tell.scene(f"3. The leader {old} is cut off under a stream of writes, and replaced")
    async with stage.writing(table.name, "w", WRITERS):
        tell.say(f"{WRITERS} writers write and keep book of every acknowledgement")
        await stage.watch_lag(store, table.line, STREAM_S)
        tell.say(f"{len(ledger.acknowledged):,} writes acknowledged so far")
        async with stage.at(old) as lonely:
            await _leave_alone(stage, store, lonely, table)
        process = stage.cluster.pid(old)
        stage.cluster.kill(old)
        tell.say(f"kill -9 {process}: {old} is dead", "bold red")
        await stage.watch_lag(store, table.line, STREAM_S * 2 / 3)
    tell.say(f"{len(ledger.acknowledged):,} writes acknowledged; the writers stop")


async def _leave_alone(stage: Stage, store: Store, lonely: Store, table: Table) -> None:
    """Cut the leader off, and watch both sides until its lease is over."""
    tell, ledger, old = stage.narrator, stage.ledger, stage.leader
    only_there = await lonely.table(table.name)
    # The first write opens the client's session, which takes an acknowledgement.
    await ledger.write(only_there, "lonely", {"only_at": old})
    epoch, cut_at = ledger.reigns.newest, time.monotonic()
    stage.cluster.isolate(old)
    tell.say(f"every link between {old} and the others is cut; clients still reach it", "red")
    keys = [f"lonely-{number:03d}" for number in range(LONELY_WRITES)]
    writes = [asyncio.create_task(ledger.write(only_there, k, {"only_at": old})) for k in keys]
    try:
        took = await ledger.reigns.after(epoch, PATIENCE_S) - cut_at
        stage.figures["cut_to_next_write_s"] = round(took, 3)
        await _tell_appointment(stage, store, table.line)
        tell.say(
            f"the next write is acknowledged {seconds(took)} after the cut "
            f"(a writer asks the others after {seconds(ATTEMPT_S)} of silence)",
            "green",
        )
        ahead = await wait_unreplicated(lonely, old, table.line, PATIENCE_S)
        acknowledged = sum(key in ledger.acknowledged for key in keys)
        tell.say(
            f"{old} is alive and does not know; log entries on its disk only: {ahead}; of "
            f"{LONELY_WRITES} writes that were sent just there, {acknowledged} are acknowledged"
        )
        await asyncio.sleep(cut_at + LEASE_OVER_S - time.monotonic())
        tell.say(f"now its lease is over: {await _refusal(stage, table.name)}")
    except TimeoutError:
        raise DemoFailed(f"{old} was cut off, and nobody took over or it took no writes") from None
    finally:
        for write in writes:
            write.cancel()
        await asyncio.gather(*writes, return_exceptions=True)


async def _tell_appointment(stage: Stage, store: Store, line: str) -> None:
    """Who leads now and why, as the survivors' status has it."""
    status = await store.status()
    states = line_states(status, line)
    states.pop(stage.leader, None)
    found = last_appointment(states)
    leader = leader_of(line, status["nodes"])
    if found is None or leader is None:
        raise DemoFailed("a write was acknowledged, and status shows no appointment")
    stage.narrator.say(
        f"{found['appointed']} was appointed, by the nodes themselves: {found['why']}", "green"
    )
    stage.narrator.say(f"{leader} leads epoch {states[leader]['epoch']}")


async def _refusal(stage: Stage, table: str) -> str:
    """What the lapsed leader says to one more write."""
    limits = ClientLimits(write_s=LATE_S, attempt_s=LATE_S)
    async with stage.at(stage.leader, limits) as store:
        error = await stage.ledger.write(
            await store.table(table), "late", {"only_at": stage.leader}
        )
    if error is None:
        raise DemoFailed(f"{stage.leader} was replaced long ago, and acknowledges a write")
    return _reason(error)


def _reason(error: PlaitError) -> str:
    """The last thing that the node said, if a client gave up on it."""
    tried = error.details.get("tried") if isinstance(error, Unavailable) else None
    text = str(tried[-1]) if tried else error.message
    return text.rpartition("NotLeader: ")[2]
