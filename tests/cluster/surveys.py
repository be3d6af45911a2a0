"""What can be read of a stopped node's folder, and its going on alone with that."""

import random
from pathlib import Path

from plait.host.storage import open_storage
from plait.node.recovery import Survey, recover, survey


async def looked_at(folder: Path, *, act: bool = False) -> Survey:
    """What a survey finds; `act`: and then its node is made the only one."""
    storage = await open_storage(folder)
    try:
        found = survey(storage)
        if act:
            await recover(storage, found, random.Random(1), 1000)
        return found
    finally:
        await storage.close()
