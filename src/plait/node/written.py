"""Waiting for the log's disk."""

import asyncio
from collections.abc import Sequence

from plait.base.errors import PlaitError
from plait.base.ports import LogStorage, LogWrite


async def written(log: LogStorage, writes: Sequence[LogWrite] = ()) -> None:
    """Return once these writes, and all that were submitted before, are durable; raises why not.

    Without writes it is a barrier: who opens lines again must find all that is still on its way.
    """
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def finished(error: PlaitError | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    log.submit(writes, finished)
    await done
