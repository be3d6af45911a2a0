"""A lone node that is asked for what it has not folded yet: whether its state may answer."""

from plait.base.errors import ReadOnly
from plait.node.line_host import LineHost
from plait.node.node import Node


async def lead_alone(node: Node, host: LineHost, timeout_s: float) -> None:
    """Return once a lone node's state covers what it ever acknowledged, or all that is left."""
    reason = node.storage.log.read_only
    if reason is None:
        await host.led(timeout_s)  # it is opening its epoch
    elif host.opening < 0 and node.storage.log.suspect is None:
        raise ReadOnly(
            f"{host.line} was opened while the disk took no writes, so how far its state "
            f"goes is not known yet: {reason.message}"
        )
