"""Scene: a bank on consensus, and a leader-follower stream; kill -9 of the node that leads both.

What must be true: the money is all there whenever anybody looks, at any node that answers, and the
recorded history of all transfers and reads is linearizable.
"""

import asyncio
import time
from pathlib import Path

from plait.api.store import Store
from plait.api.table import Table
from plait.check import Recorder
from plait.cli.demo.bank import ACCOUNTS, TELLERS, TOTAL, Bank
from plait.cli.demo.judging import command, judge_history
from plait.cli.demo.stage import PATIENCE_S, Stage
from plait.cli.demo.watching import wait_caught_up, wait_led
from plait.cli.display import seconds
from plait.cli.exits import DemoFailed

WRITERS = 2
OPEN_S = 1.5  # that the bank is open before the kill, and again after it
SETTLE_S = 0.2  # after a leader has handed over


async def kill_leader(stage: Stage, store: Store, table: Table) -> Bank:
    """Tell the scene, and return the bank; `PlaitError` if it goes otherwise."""
    tell = stage.narrator
    tell.scene("5. A bank on consensus, and kill -9 of the leader")
    with Recorder(stage.history) as recorder:
        bank = Bank(stage, recorder)
        await bank.open(store)
        tell.say(f"table accounts, Consensus(): {len(ACCOUNTS)} accounts, {TOTAL:,} in all")
        await _lead_both(stage, store, table.line, bank.line)
        await bank.look_everywhere()
        async with stage.writing(table.name, "k", WRITERS):
            bank.start()
            try:
                victim = await _kill(stage, store, table.line, bank)
                await _bring_back(stage, store, victim, (table.line, bank.line))
                await bank.stop()
            finally:
                await bank.abort()
        await bank.look_everywhere()
    _tell_reads(stage, bank)
    await _judge(stage, stage.history)
    return bank


async def _lead_both(stage: Stage, store: Store, stream: str, accounts: str) -> str:
    """Hand the accounts over to the node that leads the stream; its name."""
    victim = await wait_led(store, stream, PATIENCE_S)
    if await wait_led(store, accounts, PATIENCE_S) != victim:
        report = (await store.switch_over(victim, accounts))["lines"][accounts]
        if not report["ok"]:
            raise DemoFailed(f"{accounts} could not be handed over to {victim}: {report['why']}")
        stage.narrator.say(f"plait transfer {accounts} {victim}: one node leads both kinds of line")
        await asyncio.sleep(SETTLE_S)
    return victim


async def _kill(stage: Stage, store: Store, stream: str, bank: Bank) -> str:
    """Kill whoever leads both lines, and time the next answers; its name."""
    tell, ledger, figures = stage.narrator, stage.ledger, stage.figures
    tell.say(
        f"{TELLERS} tellers transfer money in transactions; at every node a reader asks for all "
        "balances, and only for the newest (linearizable)"
    )
    await asyncio.sleep(OPEN_S)
    victim = await _lead_both(stage, store, stream, bank.line)  # unless elections came between
    epoch, term = ledger.reigns.newest, bank.reigns.newest
    process, killed_at = stage.cluster.pid(victim), time.monotonic()
    stage.cluster.kill(victim)
    tell.say(f"kill -9 {process}: {victim} is dead, the leader of both lines", "bold red")
    try:
        wrote_at, moved_at = await asyncio.gather(
            ledger.reigns.after(epoch, PATIENCE_S), bank.reigns.after(term, PATIENCE_S)
        )
    except TimeoutError:
        raise DemoFailed(f"{victim} was killed, and nobody took over") from None
    figures["time_to_next_write_s"] = round(wrote_at - killed_at, 3)
    figures["time_to_next_transfer_s"] = round(moved_at - killed_at, 3)
    for what, at in (("transfer (consensus)", moved_at), ("write (leader-follower)", wrote_at)):
        tell.say(f"next {what} acknowledged {seconds(at - killed_at)} after the kill", "green")
    await asyncio.sleep(OPEN_S)
    return victim


async def _bring_back(stage: Stage, store: Store, victim: str, lines: tuple[str, ...]) -> None:
    await stage.cluster.start_node(victim)
    for line in lines:
        await wait_caught_up(store, stage.cluster.names, line, PATIENCE_S)
    stage.narrator.say(f"{victim} is back, and level with the others")


def _tell_reads(stage: Stage, bank: Bank) -> None:
    tell, figures = stage.narrator, stage.figures
    reads = sum(bank.reads.values())
    figures.update(transfers=bank.transfers, linearizable_reads=reads)
    where = ", ".join(f"{name} {count:,}" for name, count in bank.reads.items())
    tell.say(f"{bank.transfers:,} transfers; {reads:,} reads ({where})")
    if bank.wrong_totals:
        wrong = ", ".join(f"{total:,}" for total in bank.wrong_totals[:5])
        tell.say(f"{len(bank.wrong_totals)} reads found another total: {wrong}", "bold red")
    else:
        tell.say(f"every one of them found {TOTAL:,} in all", "green")


async def _judge(stage: Stage, history: Path) -> None:
    """Have the history judged, and note the verdict."""
    tell, figures = stage.narrator, stage.figures
    tell.say("everything that was asked and answered is on record; the judge says")
    tell.show([command(history)])
    found = await judge_history(history)
    figures.update(operations=found.operations, linearizable=found.linearizable)
    size = f"{found.operations:,} operations, judged in {seconds(found.elapsed_s)}"
    if found.linearizable:
        tell.say(f"linearizable: {size}", "bold green")
    else:
        verdict = "NOT linearizable" if found.linearizable is False else "unknown"
        tell.say(f"{verdict}: {size}", "bold red")
        tell.show(found.why)
