"""Random worlds with guests: replicas that write what they like, and are judged on arrival.

Every guest may write ``k0``, now and then ``k1`` and ``k2``, and never ``k3``; it is linked with
one node at a time. See `graph_world`.
"""

from typing import Any

from graph_machines import Machine
from graph_world import World

from plait.graph.event import Op
from plait.graph.notices import Verdict

NEVER = "k3"
LOG = ("aw:log",)


class Guest(Machine):
    """A replica that nobody trusts with everything."""

    def __init__(self, world: "RightsWorld", name: str, replica: int) -> None:
        super().__init__(world, name, replica)
        self.scope.says_voids = False


class MayWrite:
    """What a guest may write now."""

    everything = False

    def __init__(self, world: "RightsWorld", guest: str) -> None:
        self.name = f"client/{guest}"
        self._world = world

    def refuses(self, key: str) -> str | None:
        return None if key in self._world.allowed else f"no right on {key}"


class RightsWorld(World):
    """Nodes ``m...``, and guests ``g...``."""

    def __init__(self, seed: int, guests: int = 2, **settings: Any) -> None:
        self.allowed = {"k0", "k1", "k2"}
        self.forbidden: dict[bytes, str] = {}  # elements of NEVER, and who wrote them
        super().__init__(seed, **settings)
        self.backups = False
        for number in range(guests):
            name = f"g{number}"
            self.machines[name] = Guest(self, name, self.fresh())

    # ------------------------------------------------------------------ connections

    def connect(self, one: str, other: str) -> None:
        if one[0] == other[0] == "g" or (one, other) in self.wires:
            return
        for guest in (one, other):
            if guest[0] == "g":
                for here, there in list(self.wires):
                    if here == guest:
                        self.cut(here, there)
        self.wires[one, other] = []
        self.wires[other, one] = []
        for here, there in ((one, other), (other, one)):
            machine = self.machines[here]
            warrant = MayWrite(self, there) if there[0] == "g" else None
            effects = machine.exchange.linked(there, self.now, machine.now_ms, warrant)
            machine.carry_out(effects)
            machine.leave()

    # ------------------------------------------------------------------ what happens

    def edit(self, machine: Machine) -> None:
        if machine.name[0] == "m" or machine.scope.voids.unclean:
            if machine.name[0] == "m":
                super().edit(machine)
            return  # the engine lets nobody write a document that is being rolled back
        key = f"k{self.random.randrange(4)}"
        element = self.element()
        ops = [Op(key, LOG, ["add", element]), Op(key, ("n:count",), ["inc", 1])]
        if machine.write(ops) and key == NEVER:
            self.forbidden[element] = machine.name

    def crash(self, machine: Machine) -> None:
        """A guest has no disk: it goes on as long as it is there."""
        if machine.name[0] == "m":
            super().crash(machine)
            return
        for one, other in list(self.wires):
            if one == machine.name:
                self.cut(one, other)

    def rare(self, machine: Machine, which: int) -> None:
        if which < 3:
            for key in ("k1", "k2"):
                if self.random.random() < 0.5:
                    self.allowed ^= {key}
        elif which == 3:
            machine.skew_ms = self.random.choice([0, 0, 200_000, -30_000])
        else:
            machine.write_again()

    def step(self) -> None:
        super().step()
        self.look()

    def look(self) -> None:
        """Nobody but its author ever sees what may never be."""
        for machine in self.machines.values():
            seen = machine.fold.items(NEVER, LOG) if (NEVER, LOG) in machine.fold.objects else set()
            for element in seen:
                author = self.forbidden.get(element)
                assert author in (None, machine.name), f"{element!r} of {author} at {machine.name}"

    def heal(self, seconds: float = 90.0) -> None:
        nodes = sorted(name for name in self.machines if name[0] == "m")
        for name in self.machines:
            self.machines[name].skew_ms = 0
        for index, name in enumerate(nodes):
            for other in nodes[index + 1 :]:
                self.connect(name, other)
        for guest in self.guests():
            self.connect(guest.name, self.random.choice(nodes))
        self.now += 300.0
        self.settle(self.converged, seconds)
        if not self.converged():
            self.retire_silent()
            self.settle(self.converged, seconds)

    def run(self) -> None:
        super().run()
        self.look()

    def check(self) -> None:
        """What may never be is nowhere, and whoever wrote it was told."""
        super().check()
        for machine in self.machines.values():
            if (NEVER, LOG) in machine.fold.objects:
                assert not machine.fold.items(NEVER, LOG) & set(self.forbidden), machine.name
        for guest in self.guests():
            own = [element for element, name in self.forbidden.items() if name == guest.name]
            told = {f.dot for f in guest.findings if isinstance(f, Verdict)}
            for element in own:
                dot = self.items.get(element)
                assert dot is None or dot in told, f"{guest.name} was not told of {dot}"

    def guests(self) -> list[Machine]:
        return [machine for name, machine in self.machines.items() if name[0] == "g"]


def run_rights(seed: int, steps: int = 300, **settings: Any) -> RightsWorld:
    """One world from its seed, healed and checked."""
    world = RightsWorld(seed, **settings)
    world.connect("m0", "m1")
    world.connect("m0", "m2")
    world.connect("m1", "m2")
    for number, guest in enumerate(world.guests()):
        world.connect(f"m{number}", guest.name)
    world.settle(world.converged)
    for _ in range(steps):
        world.step()
    world.heal()
    world.check()
    return world
