"""When the overlay goes into the state file."""

import asyncio

import pytest

from plait.base.errors import Corrupt
from plait.engines.flusher import Flusher
from plait.engines.overlay import Overlay
from plait.host.memory_storage import MemoryStorage
from plait.sim.loop import run_virtually


def test_a_flush_whose_last_rows_cannot_be_read_is_tried_again_and_raises_nothing_in_the_loop():
    async def main():
        raised = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
        state = MemoryStorage().state("l")
        overlay = Overlay(state)
        bad = [Corrupt("a row fails its checksum")] * 2

        def collect():
            if bad:
                raise bad.pop()
            return 7

        flusher = Flusher(overlay, state, collect)
        flusher.start(0)
        overlay.put(0, b"k", b"v")
        flusher.changed()
        await asyncio.sleep(0.5)
        assert isinstance(flusher.error, Corrupt)
        assert flusher.flushed == 0
        with pytest.raises(Corrupt):
            await flusher.flush(7)
        await asyncio.sleep(5.0)
        assert (flusher.flushed, flusher.error, state.get(0, b"k")) == (7, None, b"v")
        assert not raised

    run_virtually(main)
