"""Machines at a node: found in the control line's fold, made by its commands.

Invariant: whoever is given a machine by this node can use it here: a class of its name is
registered, and of a version that is not lower than the caller's.
"""

from plait.api.infos import MachineInfo
from plait.api.settings import Consensus, Leader, Settings
from plait.base.errors import BadSettings, MachineMissing, MachineVersion, NoSuchCollection
from plait.base.ids import collection_name
from plait.line.quorum import CONSENSUS
from plait.node.lines import CONTROL
from plait.node.node import Node
from plait.node.tables import engine_for, founding_zones
from plait.types.commands import CreateMachine
from plait.types.control import MachineRecord, machine_line
from plait.types.machines import ClassName, MachineClass
from plait.types.user_machine import UserMachine


class MachineRoom:
    """The machines that one node knows."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def register(self, machine: MachineClass) -> None:
        """Run this class from now on; lines that waited for it, or ran an older one, go on."""
        self._node.machines.add(machine.kind)
        for host in self._node.hosts():
            running = host.replica.machine
            if (
                isinstance(running, UserMachine)
                and running.class_name == machine.name.name
                and running.outdated
            ):
                await host.replica.reload()

    async def open(
        self, name: str, class_name: ClassName, settings: Settings | None
    ) -> MachineRecord:
        """Find a machine, or create it with `settings`."""
        node = self._node
        collection_name(name)
        node.check_open()
        self._check_class(name, class_name)
        record = self._find(name)
        if record is None:
            if settings is not None:
                return await self._create(name, class_name, settings)
            await node.knows_all()
            record = self._find(name)
        if record is None:
            raise NoSuchCollection(f"there is no machine {name!r}", machine=name)
        if record.class_name != class_name.name:
            raise BadSettings(f"machine {name!r} is a {record.class_name}, no {class_name.name}")
        if settings is not None:
            _check_same(record, settings)
        if record.version < class_name.version:
            return await self._create(name, class_name, settings_of(record))
        return record

    async def _create(self, name: str, class_name: ClassName, settings: Settings) -> MachineRecord:
        """Make it, or note that its class has a higher version now."""
        node = self._node
        degrade = isinstance(settings, Leader) and settings.degrade
        zones = await founding_zones(node, settings)
        leader = node.control.leader or node.name
        engine = await engine_for(node, settings)
        await node.command(
            CONTROL,
            CreateMachine(
                name, class_name.name, class_name.origin, class_name.version,
                settings.acks, degrade, leader, () if engine else node.member_names, engine, zones,
            ),
        )  # fmt: skip
        await node.reconcile()
        record = self._find(name)
        assert record is not None
        return record

    def _find(self, name: str) -> MachineRecord | None:
        return self._node.control_machine.machine(self._node.control.replica.view, name)

    def _check_class(self, name: str, class_name: ClassName) -> None:
        node = self._node
        try:
            here = node.machines.find(class_name.name).name
        except MachineMissing as error:
            raise MachineMissing(f"{error.message}, {node.name}", machine=name) from None
        if here.version < class_name.version:
            raise MachineVersion(
                f"{node.name} has version {here.version} of {class_name.name}, "
                f"and the caller version {class_name.version}"
            )


def settings_of(record: MachineRecord) -> Settings:
    """How the machine's copies agree."""
    if record.acks == CONSENSUS:
        return Consensus()
    return Leader(record.acks, record.degrade)


def machine_info(record: MachineRecord) -> MachineInfo:
    """A machine as users know it."""
    class_name = ClassName(record.class_name, record.version, record.origin)
    return MachineInfo(record.name, machine_line(record.name), settings_of(record), class_name)


def _check_same(record: MachineRecord, settings: Settings) -> None:
    known = settings_of(record)
    same = isinstance(settings, Consensus) and isinstance(known, Consensus)
    if isinstance(settings, Leader) and isinstance(known, Leader):
        same = (settings.acks, settings.degrade) == (known.acks, known.degrade)
    if not same:  # `line` says nothing: a machine always has its own
        raise BadSettings(f"machine {record.name!r} exists with {known}, not with {settings}")
