"""What the demo shows in a browser: its console, and the nodes' own pages.

The console is the demo's own, so that it goes on whatever happens to nodes: it speaks for a client
of all nodes, below ``/via/NODE`` for a client of one, and has the hand (`hand.py`). Each node
serves its own console and the apps. Without ``plait[web]`` there is none of this, and the story is
told all the same.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from plait import entry
from plait.api.store import Store
from plait.apps import sites
from plait.base.errors import PlaitError
from plait.cli.demo.apart import POLL_S, meetings_of
from plait.cli.demo.beats import Beats
from plait.cli.demo.cluster import DemoCluster, free_ports
from plait.cli.demo.hand import Hand
from plait.cli.demo.load import Load
from plait.cli.demo.lookouts import Lookouts
from plait.cli.demo.narrator import Narrator
from plait.cli.demo.stage import PATIENCE_S
from plait.cli.demo.world import World
from plait.doors.http import asgi
from plait.doors.http.serving import listening

FIRST_PORT = 8400


class Pages:
    """What is open for browsers, and the writers that are to be seen there."""

    def __init__(self, cluster: DemoCluster, store: Store, console: str, hand: Hand, beats: Beats):
        self._cluster = cluster
        self._store = store
        self._hand = hand
        self._beats = beats
        self.console = console  # its address

    async def fill(self) -> None:
        """Put something believable into the apps."""
        for site in sites():
            await site.prepare(self._store)
            await site.fill(self._store)
        await self._store.flush()

    def addresses(self) -> list[tuple[str, str]]:
        """What there is to look at, and where."""
        found = [("Console", self.console)]
        for site in sites():
            nodes = list(self._cluster.http.items())[:2]
            where = "  ".join(f"{address}{site.path}/ ({name})" for name, address in nodes)
            found.append((site.title, where))
        return found

    async def hand_over(self) -> None:
        """The story is over: writers begin, and the world is whoever's who has the console."""
        await self._beats.start(self._store)
        await self._disagree()
        self._hand.free = True

    async def _disagree(self) -> None:
        """Two people move one meeting at the same time: something for the inbox."""
        first, *_, last = self._cluster.names
        async with (
            entry.connect(self._cluster.beside(first), only=True, name="Ann") as one,
            entry.connect(self._cluster.beside(last), only=True, name="Bob") as two,
        ):
            ann, bob = await meetings_of(one, "Ann"), await meetings_of(two, "Bob")
            ann["offsite"].title, ann["offsite"].when = "Offsite", "Thursday 10:00"
            ann["offsite"].tags.update(["team", "travel"])
            await ann.flush()
            async with asyncio.timeout(PATIENCE_S):
                while bob["offsite"].when is None:
                    await asyncio.sleep(POLL_S)
            # no await in between: neither can have seen what the other does
            ann["offsite"].when = "Thursday 14:00, after the train arrives"
            bob["offsite"].when = "Friday 9:00, so that Cleo can come"
            await asyncio.gather(ann.flush(), bob.flush())


@contextlib.asynccontextmanager
async def open_pages(cluster: DemoCluster, narrator: Narrator) -> AsyncIterator[Pages]:
    """Serve the console of a cluster that runs."""
    lookouts, beats, load = Lookouts(cluster), Beats(cluster), Load(cluster)
    hand = Hand(World(cluster), lookouts, beats, load)
    narrator.listeners.append(hand.tell)
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(entry.connect(cluster.url, only=True))
        mounts: dict[str, Any] = {}
        for name in cluster.names:
            url = f"plait://{cluster.addresses[name]}"
            one = await stack.enter_async_context(entry.connect(url, only=True, name="console"))
            mounts[f"/via/{name}"] = _app_of(one)
            hand.views[name] = f"via/{name}/"
        for site in sites():
            hand.pages[site.title] = {
                name: f"{address}{site.path}/" for name, address in cluster.http.items()
            }
        hand.pages["Console"] = {name: f"{address}/" for name, address in cluster.http.items()}
        door = asgi(store, extra=hand.routes(), mounts=mounts)
        (port,) = free_ports(1, FIRST_PORT)
        bound = await stack.enter_async_context(listening(door, f"127.0.0.1:{port}"))
        lookouts.start()
        try:
            yield Pages(cluster, store, f"http://{bound}/", hand, beats)
        finally:
            with contextlib.suppress(PlaitError):
                await load.stop()
                await beats.stop()
            await lookouts.stop()


def _app_of(store: Store) -> Any:
    door = asgi(store)
    return lambda _: door
