"""Requests of the native protocol about places: see `messages`."""

import msgspec


class SetZone(msgspec.Struct, frozen=True, array_like=True, tag=70):
    """The node `name` is in `zone` from now on. Answered by `Result`."""

    id: int
    name: str
    zone: str
    timeout_s: float = 60.0


class WantLeaders(msgspec.Struct, frozen=True, array_like=True, tag=71):
    """Leaders of the line of `what` (None: of every other) belong into `zones`, best first.
    Answered by `Result`."""

    id: int
    zones: tuple[str, ...]
    what: str | None = None
    timeout_s: float = 60.0
