"""The register of a chain at a node whose control line has halted."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from plait.base.errors import Unavailable
from plait.node import control_metastore
from plait.node.control_metastore import ControlMetastore
from plait.sim.clock import SimClock
from plait.sim.loop import VirtualLoop
from plait.types.control import LineRecord


def test_a_change_that_nobody_can_see_is_given_up_and_others_go_on_meanwhile() -> None:
    loop, asked = VirtualLoop(), []

    async def halted(position: int, timeout_s: float) -> None:
        raise Unavailable("the replica halted")

    node: Any = SimpleNamespace(
        clock=SimClock(loop),
        control=SimpleNamespace(
            leads=False, leader="n2",
            replica=SimpleNamespace(applied=7, view=None, wait_applied=halted),
        ),
        control_machine=SimpleNamespace(chain=lambda view, line: (3, b"")),
        send=lambda peer, message: asked.append(peer),
    )  # fmt: skip
    record = LineRecord("own/x", "majority", False, "n1", 0, ("n1",))
    change = ControlMetastore(node, record).compare_and_set(4, b"new")

    async def others() -> None:
        with pytest.raises(Unavailable, match="stays as it is"):
            await asyncio.wait_for(change, 2 * control_metastore.ANSWER_S)

    loop.run_until_complete(others())
    loop.close()
    assert 5 < len(asked) <= 1 + control_metastore.ANSWER_S / control_metastore.PAUSE_S
