"""Requests about followers and what was dropped: a part of the protocol in `messages`."""

import msgspec


class SetFollowerRequest(msgspec.Struct, frozen=True, array_like=True, tag=80):
    """Let a node follow differently; what is None stays as it is. Answered by `Result`."""

    id: int
    name: str
    delay_s: float | None = None
    hold: str | None = None  # "now", a time, or LINE:POSITION
    go: bool = False  # it is held no more
    votes: bool | None = None


class ListDropped(msgspec.Struct, frozen=True, array_like=True, tag=81):
    """Which tables were dropped. Answered by `Result`, a list."""

    id: int


class OpenDropped(msgspec.Struct, frozen=True, array_like=True, tag=82):
    """Find the table of that name that was dropped last. Answered by `TableOpened`."""

    id: int
    name: str
