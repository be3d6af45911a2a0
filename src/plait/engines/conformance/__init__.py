"""Conformance: the one suite that every loglet passes, ours or yours.

It needs no test framework and knows nothing of any implementation. To run it on an engine of
your own, say how to make a fresh one::

    import asyncio
    from contextlib import asynccontextmanager
    from plait.engines import conformance

    @asynccontextmanager
    async def make():
        loglet = MyLoglet(...)                      # fresh and empty
        async def reopen():                         # only if it keeps its data: close, open again
            await engine.loglet.close()
            return MyLoglet(...)
        engine = conformance.Engine(loglet, reopen=reopen)
        try:
            yield engine
        finally:
            await engine.loglet.close()

    print(asyncio.run(conformance.run(make)))

A loglet counts on from an `Origin`: let `make` also open it at another than `BEGINNING`, tell
`Engine` so (`origin=`), and run the suite again.

`run` makes an engine for each check and raises `NotConforming`, whose text says for each broken
promise what was expected and what came. `reopen` and `crash` are optional; without them the
promises about them are reported as skipped. An engine may put entries of its own (epoch or seal
entries, without records) between those that it was given.

Source: the promises of `plait.line.loglet`. Absent: faults of the network or the disk, which are
the simulator's; speed; retraction, which only one engine knows.
"""

from plait.engines.conformance.engine import Engine
from plait.engines.conformance.suite import (
    CHECKS,
    Check,
    Failure,
    Make,
    NotConforming,
    Report,
    run,
)

__all__ = ["CHECKS", "Check", "Engine", "Failure", "Make", "NotConforming", "Report", "run"]
