"""System calls of a running process that fail, or take long: `strace` attached with `-e inject`.

Absent: calls that did half of what they say; `tests/unit/false_disk.py` has those.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

WRITES = "pwritev2,pwritev,pwrite64"
SYNCS = "fsync,fdatasync"
_FELT_S = 20.0


def missing() -> str | None:
    """What this machine lacks to make calls fail, or how to get it; None if nothing."""
    if shutil.which("strace") is None:
        return "`strace`: apt-get install strace"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        command = ["strace", "-p", str(other.pid), "-o", os.devnull]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as probe:
            assert probe.stderr is not None
            attached = "attached" in probe.stderr.readline()
            probe.terminate()
        other.kill()
    return None if attached else "leave to trace processes: run as root, with CAP_SYS_PTRACE"


_FELT = ("(INJECTED)", "(DELAYED)")


@asynccontextmanager
async def injected(pid: int, calls: str, what: str, trace: Path) -> AsyncIterator[None]:
    """Until the block ends `calls` of a process meet `what`; begins once one of them has.

    what: as `strace -e inject` takes it, such as ``error=EIO`` or ``delay_enter=200000``.
    """
    trace.unlink(missing_ok=True)
    tracer = await asyncio.create_subprocess_exec(
        "strace", "-f", "-qq", "-p", str(pid), "-o", str(trace),
        "-e", f"trace={calls}", "-e", f"inject={calls}:{what}",
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_FELT_S):
            while not (trace.exists() and any(word in trace.read_text() for word in _FELT)):
                await asyncio.sleep(0.02)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)  # it lets go, and the process runs on
        await tracer.wait()
