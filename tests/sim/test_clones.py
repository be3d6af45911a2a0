"""A data folder is copied, and both copies are used at once: documents end up the same everywhere,
and whatever anybody had on a disk is there."""

import asyncio

import pytest

from plait.base.errors import PlaitError
from plait.engines.graph import GraphOptions, open_replica
from plait.sim.disk import DiskRules, SimDisk, SimStorage
from plait.sim.paths import PathRules
from plait.sim.world import World, run_world

LINEAGE = "0123456789abcdef" * 2
DIALS = {"a": (), "b": ("a",), "copy": ("a", "b")}
FRAME_BYTES_MAX = 1 << 24


class Site:
    """A machine with a folder, and the process that uses it."""

    def __init__(self, world, name, disk, fingerprint=""):
        self.world = world
        self.name = name
        self.disk = disk
        self.fingerprint = fingerprint
        self.random = world.stream(name)
        self.machine = world.add_client(name)
        self.replica = None
        self.dialled = dict.fromkeys(DIALS[name], False)
        self.safe = {}  # what was written, and was on the disk
        self.number = 0
        self.ids = set()

    def start(self):
        self.dialled = dict.fromkeys(self.dialled, False)
        self.machine.run(self._run)

    def die(self, power_cut):
        self.machine.kill(power_cut)
        self.replica = None
        self.storage.crash(power_cut=power_cut)

    async def _run(self, network):
        self.storage = SimStorage(self.disk, network.process)
        options = GraphOptions(
            "notes", LINEAGE, 4711, self.name != "b", self.name, fingerprint=self.fingerprint
        )
        clock, random = network.machine.clock, self.random
        self.replica = await open_replica(options, self.storage, clock, random)
        await network.listen(f"{self.name}:1", lambda connection: _Link(self, connection))
        while True:
            for peer, linked in self.dialled.items():
                if not linked:
                    await self._dial(network, peer)
            await asyncio.sleep(0.1)

    async def _dial(self, network, peer):
        self.dialled[peer] = True
        try:
            await network.connect(f"{peer}:1", lambda connection: _Link(self, connection), 1.0)
        except PlaitError:
            self.dialled[peer] = False

    async def write(self):
        """Something, in this process; it counts once it is on the disk."""
        if self.replica is not None:
            await asyncio.wait([self.machine.process.spawn(self._write())], timeout=1.0)

    async def _write(self):
        replica = self.replica
        if not replica.parts.scope.writable:
            return
        self.number += 1
        number, key = self.number, f"{self.name} {self.number}"
        try:
            replica.mutate(key, ("r:title",), ("set", number))
            self.ids.add(replica.replica)
            await replica.flush()
        except PlaitError:
            return
        self.safe[key] = number


class _Link:
    def __init__(self, site, connection):
        self.site, self.replica, self.peer = site, site.replica, connection.peer
        connection.frame_bytes_max = FRAME_BYTES_MAX
        self.replica.linked(self.peer, connection.send)

    def frames(self, frames):
        for frame in frames:
            self.replica.received(self.peer, frame)

    def closed(self, reason):
        self.replica.unlinked(self.peer)
        self.site.dialled[self.peer] = False


def titles(replica):
    """Every document's number, by its key."""
    found = {}
    for key in list(replica.keys()):
        cells = [cell for cells in replica.object(key, ("r:title",)).slots.values()
                 for cell in cells.values()]  # fmt: skip
        found[key] = max(cells)[1]
    return found


async def use(world, sites, seconds):
    """Everybody writes; processes end, and links break."""
    random, ends = world.stream("trouble"), world.now() + seconds
    writing = []
    while world.now() < ends:
        await asyncio.sleep(0.05 * random.random())
        site = random.choice(sites)
        writing.append(asyncio.ensure_future(site.write()))
        if random.random() < 0.03:
            world.fabric.reset(*random.sample([one.name for one in sites], 2))
        if random.random() < 0.02 and site.machine.up:
            site.die(power_cut=random.random() < 0.5)
            await asyncio.sleep(random.random())
            site.start()
    await asyncio.wait(writing, timeout=1.0)


@pytest.mark.parametrize(
    ("seed", "noticed"),
    [(seed, noticed) for noticed in (True, False) for seed in range(6)],
)
def test_a_copy_of_a_folder_that_is_used_beside_it_costs_nobody_what_they_wrote(seed, noticed):
    async def main(loop):
        world = World(seed, loop, PathRules(), DiskRules())

        def disk(name):
            return SimDisk(DiskRules(), world.stream(f"disk {name}"), name, world.trace)

        a = Site(world, "a", disk("a"), "one" if noticed else "")
        b = Site(world, "b", disk("b"))
        for site in (a, b):
            site.start()
        await use(world, [a, b], 4.0)
        copy = Site(world, "copy", a.disk.copied(), "two" if noticed else "")
        world.fabric.cut("copy", "a")  # for a while nobody sees that there are two
        world.fabric.cut("copy", "b")
        copy.start()
        await use(world, [a, b, copy], 2.0)
        world.fabric.mend_all()
        await use(world, [a, b, copy], 4.0)
        wanted = a.safe | b.safe | copy.safe
        for _ in range(600):
            found = [titles(site.replica) for site in (a, b, copy) if site.replica]
            if len(found) == 3 and all(wanted.items() <= one.items() for one in found):
                break
            await asyncio.sleep(0.1)
        assert [wanted.items() - one.items() for one in found] == [set()] * 3
        await asyncio.sleep(10.0)
        assert titles(a.replica) == titles(b.replica) == titles(copy.replica)
        assert min(len(site.safe) for site in (a, b, copy)) > 5
        assert a.replica.replica != copy.replica.replica
        assert not noticed or not a.ids & copy.ids
        world.end()

    run_world(main)
