"""What the HTTP door allows at once, and for how long."""

import msgspec


class HttpLimits(msgspec.Struct, frozen=True):
    """Sizes in bytes, times in seconds. Reaching one is a problem that says which."""

    body_bytes_max: int = 8 << 20
    header_token_bytes_max: int = 8 << 10
    requests_max: int = 1024  # under way at once, watches and sockets not counted
    connections_max: int = 8192
    request_s: float = 30.0
    page_rows_max: int = 1000
    watches_max: int = 2048  # SSE streams and watches over sockets, at once
    watches_per_socket_max: int = 64
    sockets_max: int = 4096
    socket_message_bytes_max: int = 16 << 20
    socket_unsent_bytes_max: int = 8 << 20  # what a browser has not read; then it is cut off
    links_per_socket_max: int = 64
    greeting_s: float = 10.0  # for the first message on a socket
    heartbeat_s: float = 15.0
