"""A server that is wrong on purpose: it answers linearizable reads from whatever it has applied.

It is Plait without one step: nobody asks whether this node still leads, or how far the leader has
committed. The judge has to notice; see `test_faults_server`.
"""

from plait.cli.main import main
from plait.engines.raft import RaftLoglet


async def read_index(self: RaftLoglet, timeout_s: float = 0.0) -> int:
    """What is committed as far as this member knows."""
    return self.committed


RaftLoglet.read_index = read_index  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
