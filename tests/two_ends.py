"""Who runs which file: those that wait are begun from one end, those that compute from the other.

A test of processes or pages mostly waits, one of a simulated world never does. Half of the workers
take files from the front of the order, half from the back, so at any time there is something to
compute while others wait; what is short lies in the middle, where they meet. A file stays with one
worker, as `--dist loadfile` has it.
"""

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController


class TwoEnds(LoadFileScheduling):
    """Files, from both ends of their order."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.nodes.index(node) % 2:  # what is taken next is always what stands first
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
