"""The event loop of a process: uvloop where there is one, asyncio otherwise.

Absent: anything that depends on which of the two it is.
"""

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

try:
    import uvloop
except ImportError:  # Windows, PyPy: the same program, a slower loop
    _new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
else:
    _new_loop = uvloop.new_event_loop

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0001
GARBAGE_THRESHOLDS = (20_000, 20, 50)  # a batch of thousands of commands is no garbage yet


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a fresh event loop; what it returns or raises."""
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(main)


async def on_own_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end on a loop in a thread of its own, so that this loop's other tasks
    need not wait for it. It cannot be cancelled."""
    return await asyncio.to_thread(lambda: run(work()))


def tune_process() -> None:
    """Make threads hand over quickly; for a process that serves and does nothing else.

    A storage thread that comes back from fsync waits for the interpreter lock until the loop's
    thread yields it, by default up to 5 ms: that was most of a commit's latency under load.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*GARBAGE_THRESHOLDS)
