"""The classes that a node can run as machines, by name and version.

Machines are told apart in the log by the class's name and version; where it was defined is noted
for people. Invariant: of each name the newest version that was registered.
"""

from typing import Any, NamedTuple

import msgspec

from plait.base.errors import BadMachine, MachineMissing, MachineStopped, MachineVersion
from plait.base.ports import Random
from plait.types.machine_state import encode_state, new_instance
from plait.types.method import Method, methods_of
from plait.types.state_machine import StateMachine


class ClassName(msgspec.Struct, frozen=True, array_like=True):
    """A machine's class, as it is named in the log and over the network."""

    name: str
    version: int
    origin: str  # module:qualname


class MachineClass(NamedTuple):
    """A class that can be a machine."""

    kind: type[StateMachine]
    name: ClassName
    methods: dict[str, Method]


def describe(kind: type[StateMachine]) -> MachineClass:
    """The class and its methods; `BadMachine` says why it cannot be a machine."""
    methods = methods_of(kind)
    try:
        new_instance(kind, encode_state(new_instance(kind, None)))
    except MachineStopped as error:
        raise BadMachine(error.message) from error
    origin = f"{kind.__module__}:{kind.__qualname__}"
    name = ClassName(kind.machine_name or kind.__name__, kind.version, origin)
    return MachineClass(kind, name, methods)


class Machines:
    """What one node can run."""

    def __init__(self, random: Random, kinds: tuple[type[Any], ...] = ()) -> None:
        self.random = random  # for the seeds of commands that are ordered here
        self._classes: dict[str, MachineClass] = {}
        for kind in kinds:
            self.add(kind)

    def add(self, kind: type[StateMachine]) -> MachineClass:
        """Register a class; one of the same origin, or an older one, is replaced."""
        known = next((each for each in self._classes.values() if each.kind is kind), None)
        if known is not None:
            return known
        added = describe(kind)
        here = self._classes.get(added.name.name)
        if here is not None and here.name.version > added.name.version:
            raise MachineVersion(
                f"version {here.name.version} of {added.name.name} is registered here already, "
                f"and version {added.name.version} is older"
            )
        same = here is not None and here.name.version == added.name.version
        if here is not None and same and here.name.origin != added.name.origin:
            raise BadMachine(
                f"{added.name.name} is {here.name.origin} here, and {added.name.origin} too: "
                "rename one, or give it a machine_name"
            )
        self._classes[added.name.name] = added
        return added

    @property
    def kinds(self) -> tuple[type[StateMachine], ...]:
        """Every class that is registered."""
        return tuple(each.kind for each in self._classes.values())

    def find(self, name: str) -> MachineClass:
        """The class of that name; `MachineMissing` if there is none."""
        found = self._classes.get(name)
        if found is None:
            raise MachineMissing(f"no class {name} is registered at this node")
        return found
