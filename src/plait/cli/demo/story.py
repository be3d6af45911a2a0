"""The demo's story, scene by scene.

The leader is cut off from its followers while clients go on writing, so that it holds writes that
are on no other disk and were acknowledged to nobody; then it is killed. What must be true in the
end: every acknowledged write is on every node, and what only the dead leader had is kept as
rescued. The clients keep their own book of what was acknowledged; the nodes are compared with it.
"""

import asyncio
import statistics
import time
from typing import Any

from plait import entry
from plait.api.settings import Leader
from plait.api.store import Store
from plait.api.table import Table
from plait.cli.demo.cluster import DemoCluster
from plait.cli.demo.narrator import Narrator, Summary
from plait.cli.demo.verify import Verdict, judge
from plait.cli.demo.watching import (
    LagSampler,
    line_states,
    most_advanced,
    wait_caught_up,
    wait_unreplicated,
)
from plait.cli.demo.writers import Ledger, Stream
from plait.cli.display import seconds
from plait.cli.exits import DemoFailed
from plait.cli.loader import Loader
from plait.cli.rescued import suffix_lines
from plait.cli.status_page import render
from plait.cli.values import show_value

ACKS = "any:1"
STREAM_S = 2.0  # of writes before the cut, and after the promotion
CUT_S = 0.7  # that the leader is alone before it dies
LONELY_WRITES = 20
BERLIN = "2950159"
PATIENCE_S = 60.0


class Story:
    """One telling, on a cluster that is up."""

    def __init__(
        self, cluster: DemoCluster, narrator: Narrator, cities: dict[str, dict[str, Any]]
    ) -> None:
        self._cluster = cluster
        self._narrator = narrator
        self._cities = cities
        self._ledger = Ledger()
        self._lags: list[float] = []
        self._first = "n1"  # the leader that will be killed
        self.verdicts: list[Verdict] = []
        self.figures = Summary(ok=False, nodes=len(cluster.names), cities=len(cities))

    async def tell(self) -> None:
        """Every scene; `figures` and `verdicts` hold the outcome. `PlaitError` if one fails."""
        async with entry.connect(self._cluster.url, only=True) as store:
            # Asked first: a client that keeps to its addresses learns whose they are by dialling.
            await store.status()
            cities = await store.table("cities", Leader(acks=ACKS))
            stream = await store.table("stream", Leader(acks=ACKS))
            await self._import(store, cities)
            await self._read_followers()
            await self._fail_over(store, stream)
            await self._bring_back(store, stream)
            await self._show_rescued(store)
            await self._verify(store, stream.line)
            self._narrator.print("")
            self._narrator.print(render(await store.status()))
        self._conclude()

    # ------------------------------------------------------------------------------ scenes

    async def _import(self, store: Store, cities: Table) -> None:
        tell = self._narrator
        tell.scene(f"1. {len(self._cities):,} cities, through the leader {self._first}")
        tell.say(f"a write counts once it is on disk at the leader and one follower (acks={ACKS})")
        began = time.monotonic()
        with tell.progress("importing cities", len(self._cities)) as shown:
            loader = Loader(cities, on_done=shown)
            for key, city in self._cities.items():
                await loader.add(key, city)
            await loader.finish()
        took = time.monotonic() - began
        self.figures["import_s"] = round(took, 3)
        rate = len(self._cities) / took
        tell.say(f"imported and acknowledged in {seconds(took)}, {rate:,.0f} a second")

    async def _read_followers(self) -> None:
        tell = self._narrator
        tell.scene("2. Followers answer reads, and say how far behind they are")
        for name in self._cluster.names:
            async with entry.connect(self._url(name), only=True) as store:
                table = await store.table("cities", read="nearest")
                began = time.monotonic()
                city = await table.get(BERLIN)
                took = time.monotonic() - began
                state = line_states(await store.status(), table.line)[name]
                lag = state["lag"]
                tell.say(
                    f"{name} ({state['role']}): {show_value((city or {}).get('name'))} in "
                    f"{seconds(took)}; {lag['records']} records, {seconds(lag['seconds'])} behind"
                )

    async def _fail_over(self, store: Store, table: Table) -> None:
        tell, cluster, ledger = self._narrator, self._cluster, self._ledger
        tell.scene(f"3. The leader {self._first} is cut off, then killed, under a stream of writes")
        stream = Stream(table, ledger)
        try:
            sampler = LagSampler(store, table.line)
            tell.say("8 writers write and keep book of every acknowledgement")
            await asyncio.sleep(STREAM_S)
            await sampler.stop()
            self._lags += sampler.samples_s
            tell.say(f"{len(ledger.acknowledged):,} writes acknowledged so far")
            await self._cut_and_kill(table.line)
            before = len(ledger.acknowledged)
            killed = time.monotonic()
            await self._promote(store, table.line)
            took = await ledger.next_acknowledgement(PATIENCE_S) - killed
            self.figures["time_to_next_write_s"] = round(took, 3)
            tell.say(f"the next write is acknowledged {seconds(took)} after the kill", "green")
            sampler = LagSampler(store, table.line)
            await asyncio.sleep(STREAM_S)
            await sampler.stop()
            self._lags += sampler.samples_s
            await stream.stop(PATIENCE_S)
            tell.say(
                f"{len(ledger.acknowledged) - before:,} more writes acknowledged; the writers stop"
            )
        finally:
            stream.abort()
            cluster.heal()

    async def _cut_and_kill(self, line: str) -> None:
        """Leave the leader alone with writes that nobody else has, then end it."""
        tell, cluster, ledger = self._narrator, self._cluster, self._ledger
        async with entry.connect(self._url(self._first), only=True) as lonely:
            table = await lonely.table("stream")
            # The first write opens the client's session, which takes an acknowledgement.
            await ledger.write(table, "lonely", {"only_at": self._first})
            cluster.cut_off(self._first)
            tell.say(f"{self._first}'s links to the others are cut; clients still reach it", "red")
            writes = [
                asyncio.create_task(
                    ledger.write(table, f"lonely-{number:03d}", {"only_at": self._first})
                )
                for number in range(LONELY_WRITES)
            ]
            try:
                await asyncio.sleep(CUT_S)
                ahead = await wait_unreplicated(lonely, self._first, line, PATIENCE_S)
                tell.say(
                    f"{self._first} has log entries on its disk that nobody else has ({ahead}), "
                    "and acknowledges none of them"
                )
                process = cluster.pid(self._first)
                cluster.kill(self._first)
            except TimeoutError:
                raise DemoFailed(f"{self._first} took no writes while it was cut off") from None
            finally:
                for write in writes:
                    write.cancel()
                await asyncio.gather(*writes, return_exceptions=True)
        tell.say(f"kill -9 {process}: {self._first} is dead", "bold red")

    async def _promote(self, store: Store, line: str) -> None:
        tell = self._narrator
        states = line_states(await store.status(), line)
        states.pop(self._first, None)
        chosen = most_advanced(states)
        tails = ", ".join(f"{name} has {state['durable']}" for name, state in states.items())
        tell.say(f"log entries on disk: {tails}")
        began = time.monotonic()
        await store.promote(chosen, None, False, PATIENCE_S)
        took = time.monotonic() - began
        self.figures["time_to_promote_s"] = round(took, 3)
        tell.say(f"plait promote {chosen}: it leads after {seconds(took)}", "green")

    async def _bring_back(self, store: Store, table: Table) -> None:
        tell, cluster = self._narrator, self._cluster
        tell.scene(f"4. {self._first} comes back")
        began = time.monotonic()
        await cluster.start_node(self._first)
        tell.say(f"{self._first} is up, as a follower: its old epoch is over")
        await wait_caught_up(store, list(cluster.names), table.line, PATIENCE_S)
        took = time.monotonic() - began
        self.figures["catch_up_s"] = round(took, 3)
        tell.say(f"all nodes have applied everything, {seconds(took)} after its start")

    async def _show_rescued(self, store: Store) -> None:
        tell = self._narrator
        tell.scene(f"5. What only {self._first} had was cut from its log, and kept")
        found = await store.rescued()
        self.figures["rescued"] = sum(item["records"] for item in found)
        if not found:
            raise DemoFailed(f"{self._first} came back and kept nothing of its suffix")
        for item in found:
            tell.say(f"plait rescued show {item['node']} {item['rescued']}")
            lines = suffix_lines(await store.show_rescued(item["node"], item["rescued"]))
            tell.show(lines[:6] + ([f"  … {len(lines) - 6} more"] if len(lines) > 6 else []))
        tell.say(
            "writers that knew the other nodes retried theirs there and were acknowledged; "
            "replaying would apply only the rest, each once"
        )

    async def _verify(self, store: Store, line: str) -> None:
        tell, ledger = self._narrator, self._ledger
        expected: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
            "cities": (self._cities, {}),
            "stream": (ledger.acknowledged, ledger.unclear),
        }
        total = sum(len(records) for records, _ in expected.values())
        tell.scene(f"6. Every node against the book: {total:,} acknowledged records each")
        await wait_caught_up(store, list(self._cluster.names), line, PATIENCE_S)
        for name in self._cluster.names:
            async with entry.connect(self._url(name), only=True) as only:
                for table, (acknowledged, unclear) in expected.items():
                    rows = (await only.table(table, read="nearest")).scan()
                    verdict = await judge(name, table, rows, acknowledged, unclear)
                    self.verdicts.append(verdict)
                    self._tell_verdict(verdict)

    # ----------------------------------------------------------------------------- helpers

    def _url(self, name: str) -> str:
        """Just this node."""
        return f"plait://{self._cluster.addresses[name]}"

    def _tell_verdict(self, verdict: Verdict) -> None:
        text = (
            f"{verdict.node} {verdict.table}: {verdict.found:,} of {verdict.expected:,} are there"
        )
        if verdict.unclear_found:
            text += f", and {verdict.unclear_found} whose answer was lost"
        if not verdict.good:
            text += (
                f"; {verdict.missing} missing, {verdict.different} different, "
                f"{verdict.unexpected} unexpected: {', '.join(verdict.examples)}"
            )
        self._narrator.say(text, "green" if verdict.good else "bold red")

    def _conclude(self) -> None:
        verdicts = self.verdicts
        self.figures.update(
            acknowledged=len(self._cities) + len(self._ledger.acknowledged),
            stream_acknowledged=len(self._ledger.acknowledged),
            lost=max(
                sum(v.lost for v in verdicts if v.node == node) for node in self._cluster.names
            ),
            unexpected=sum(v.unexpected for v in verdicts),
            indefinite=len(self._ledger.unclear),
            refused=self._ledger.refused,
            lag_median_s=statistics.median(self._lags) if self._lags else None,
        )
        self.figures["ok"] = bool(verdicts) and all(v.good for v in verdicts)
