"""What a client waits for, and how much it keeps under way."""

import msgspec

from plait.api.pipeline import GROUPS_IN_FLIGHT_MAX, QUEUED_BYTES_MAX


class ClientLimits(msgspec.Struct, frozen=True):
    """Times in seconds. The defaults suit people; tests and simulations shorten them."""

    start_s: float = 10.0  # for the first connection to any node
    connect_s: float = 2.0  # for one connection, with its handshake
    patience_s: float = 0.3  # for members that are slow to connect, while others are there
    read_s: float = 10.0
    write_s: float = 30.0
    admin_s: float = 30.0
    attempt_s: float = 10.0  # for one node's answer to one request, before another is tried
    silence_s: float = 1.5  # a node that says nothing for so long, though asked, is lost
    pause_min_s: float = 0.02  # between attempts; doubles up to the maximum, with jitter
    pause_max_s: float = 1.0
    groups_in_flight_max: int = GROUPS_IN_FLIGHT_MAX
    queued_bytes_max: int = QUEUED_BYTES_MAX
    queries_max: int = 256  # gets that share one message
    feed_items_max: int = 1 << 16  # received and not yet taken by the program
