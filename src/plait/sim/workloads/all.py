"""Every workload by its name."""

from plait.sim.workloads.registers import Registers
from plait.sim.workloads.workload import Workload

WORKLOADS: dict[str, type[Workload]] = {
    "registers": Registers,
}
