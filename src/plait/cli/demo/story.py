"""The demo's story, scene by scene.

The leader is cut off from its followers while clients go on writing, so that it holds writes that
are on no other disk and were acknowledged to nobody; it is replaced, killed and brought back. Then
a leader is killed under a bank on consensus, and two people edit one note on two sides of a cut.
What must be true in the end: every acknowledged write is on every node, what only a deposed leader
had is kept as rescued, the bank's history is linearizable, and the note is the same everywhere. The
clients keep their own book of what was acknowledged; the nodes are compared with it.
"""

import statistics
import time
from pathlib import Path
from typing import Any

from plait import entry
from plait.api.settings import Leader
from plait.api.store import Store
from plait.api.table import Table
from plait.cli.demo.apart import edit_apart
from plait.cli.demo.bank import Bank
from plait.cli.demo.cluster import DemoCluster
from plait.cli.demo.isolation import isolate_leader
from plait.cli.demo.killing import kill_leader
from plait.cli.demo.narrator import Narrator
from plait.cli.demo.stage import PATIENCE_S, Stage
from plait.cli.demo.verify import Verdict, judge
from plait.cli.demo.watching import line_states, wait_caught_up
from plait.cli.display import seconds
from plait.cli.exits import DemoFailed
from plait.cli.loader import Loader
from plait.cli.rescued import suffix_lines
from plait.cli.status_page import render
from plait.cli.values import show_value

ACKS = "any:1"
BERLIN = "2950159"
RESCUED_SHOWN = 4
FRESH_S = 60.0  # a node that claims to be further behind may not be compared


class Story:
    """One telling, on a cluster that is up."""

    def __init__(
        self, cluster: DemoCluster, narrator: Narrator, cities: dict[str, dict[str, Any]]
    ) -> None:
        self._stage = Stage(cluster, narrator)
        self._cluster = cluster
        self._narrator = narrator
        self._cities = cities
        self.verdicts: list[Verdict] = []
        self.figures = self._stage.figures
        self.figures["cities"] = len(cities)

    @property
    def url(self) -> str:
        """Of the cluster, for clients."""
        return self._cluster.url

    @property
    def history(self) -> Path:
        """The recorded history of the bank."""
        return self._stage.history

    async def tell(self) -> None:
        """Every scene; `figures` and `verdicts` hold the outcome. `PlaitError` if one fails."""
        async with entry.connect(self._cluster.url, only=True) as store:
            # Asked first: a client that keeps to its addresses learns whose they are by dialling.
            await store.status()
            cities = await store.table("cities", Leader(acks=ACKS))
            stream = await store.table("stream", Leader(acks=ACKS))
            await self._import(cities)
            await self._read_followers()
            await isolate_leader(self._stage, store, stream)
            await self._bring_back(store, stream)
            await self._show_rescued(store)
            bank = await kill_leader(self._stage, store, stream)
            await edit_apart(self._stage, store)
            await self._verify(store, stream.line, bank)
            self._narrator.print("")
            self._narrator.print(render(await store.status(), self._narrator.width))
        self._conclude(bank)

    # ------------------------------------------------------------------------------ scenes

    async def _import(self, cities: Table) -> None:
        tell = self._narrator
        tell.scene(f"1. {len(self._cities):,} cities, through the leader {self._stage.leader}")
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
            async with self._stage.at(name) as store:
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

    async def _bring_back(self, store: Store, table: Table) -> None:
        tell, cluster, first = self._narrator, self._cluster, self._stage.leader
        tell.scene(f"4. {first} comes back; what only it had was cut from its log, and kept")
        began = time.monotonic()
        await cluster.start_node(first)
        tell.say(f"{first} is up, as a follower: its old epoch is over")
        await wait_caught_up(store, cluster.names, table.line, PATIENCE_S)
        took = time.monotonic() - began
        self.figures["catch_up_s"] = round(took, 3)
        tell.say(f"all nodes have applied everything, {seconds(took)} after its start")

    async def _show_rescued(self, store: Store) -> None:
        tell = self._narrator
        found = await store.rescued()
        self.figures["rescued"] = sum(item["records"] for item in found)
        if not found:
            raise DemoFailed(f"{self._stage.leader} came back and kept nothing of its suffix")
        for item in found:
            tell.say(f"plait rescued show {item['node']} {item['rescued']}")
            lines = suffix_lines(await store.show_rescued(item["node"], item["rescued"]))
            more = len(lines) - 1 - RESCUED_SHOWN
            tell.show(lines[: 1 + RESCUED_SHOWN] + ([f"  … {more} more"] if more > 0 else []))
        tell.say(
            "none of them was acknowledged there; `plait rescued replay` would apply those that "
            "were not retried elsewhere, each once"
        )

    async def _verify(self, store: Store, line: str, bank: Bank) -> None:
        tell, ledger = self._narrator, self._stage.ledger
        expected: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
            "cities": (self._cities, {}),
            "stream": (ledger.acknowledged, ledger.unclear),
            "accounts": (bank.balances, {}),
        }
        total = sum(len(records) for records, _ in expected.values())
        tell.scene(f"7. Every node's own copy against the book: {total:,} records each")
        for each in (line, bank.line):
            await wait_caught_up(store, self._cluster.names, each, PATIENCE_S)
        for name in self._cluster.names:
            async with self._stage.at(name) as only:
                verdicts = []
                for table, (acknowledged, unclear) in expected.items():
                    rows = (await only.table(table)).stale(FRESH_S).scan()
                    verdicts.append(await judge(name, table, rows, acknowledged, unclear))
                self.verdicts += verdicts
                for verdict in verdicts:
                    self._tell_verdict(verdict)

    # ----------------------------------------------------------------------------- helpers

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

    def _conclude(self, bank: Bank) -> None:
        verdicts, ledger, lags_s = self.verdicts, self._stage.ledger, self._stage.lags_s
        self.figures.update(
            acknowledged=len(self._cities) + len(ledger.acknowledged),
            stream_acknowledged=len(ledger.acknowledged),
            lost=max(
                sum(v.lost for v in verdicts if v.node == node) for node in self._cluster.names
            ),
            unexpected=sum(v.unexpected for v in verdicts),
            indefinite=len(ledger.unclear),
            refused=ledger.refused,
            lag_median_s=round(statistics.median(lags_s), 4) if lags_s else None,
        )
        self.figures["ok"] = (
            bool(verdicts)
            and all(v.good for v in verdicts)
            and not bank.wrong_totals
            and self.figures["linearizable"] is True
            and self.figures.get("documents_equal") is True
        )
