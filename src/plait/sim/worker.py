"""A process that runs seeds for a campaign: a task a line on stdin, a result a line on stdout.

Whatever the simulated programs print goes to stderr, so that stdout has results only. It ends
with its stdin.
"""

import gc
import os
import sys

import msgspec

from plait.sim.campaign import Task, run_task


def main() -> None:
    """Serve until stdin ends."""
    results = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    gc.freeze()  # what was imported stays: it need not be looked at after every seed
    for line in sys.stdin.buffer:
        task = msgspec.json.decode(line, type=Task)
        results.write(msgspec.json.encode(run_task(task)) + b"\n")


if __name__ == "__main__":
    main()
