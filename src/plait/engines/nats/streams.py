"""Making streams, and finding those that are there.

Invariant: a stream that was there is taken only as it should be; one is never changed. Fewer than
three replicas are asked for only of a server that is no part of a cluster.
"""

import asyncio
from typing import Any

from plait.base.errors import BadSettings, Unavailable
from plait.engines.nats.connection import NO_PEERS, ApiError, Connection
from plait.engines.nats.naming import subject_of_log
from plait.engines.nats.settings import INCARNATION, findings, origin_of, refuse

NOT_FOUND = 10059
IN_USE = 10058  # a stream of that name with another configuration
OVERLAP = 10065  # its subjects are another stream's
LOOKS = 50  # for a stream that somebody else is making
LOOK_S = 0.1
NOT_CLUSTERED = 10074  # more than one replica is only for clusters


async def stream_info(connection: Connection, name: str) -> dict[str, Any] | None:
    """STREAM.INFO; None if there is no such stream."""
    try:
        return await connection.api(f"STREAM.INFO.{name}")
    except ApiError as error:
        if error.err_code == NOT_FOUND:
            return None
        raise error.refusal(f"tell of stream {name}") from None


async def ensure_stream(connection: Connection, wanted: dict[str, Any]) -> dict[str, Any]:
    """STREAM.INFO of a stream that is there or is made now, and is as it should be."""
    info = await stream_info(connection, wanted["name"])
    if info is None:
        info = await _made(connection, wanted)
    if "metadata" in wanted:
        origin_of(info)  # it is a log of ours, and not just a stream of that name
    refuse(findings(as_made(wanted, info), info))
    return info


def as_made(wanted: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    """`wanted`, with the subject that a log has from whoever made it first."""
    told = info["config"].get("metadata") or {}
    if "metadata" not in wanted or not told.get(INCARNATION):
        return wanted
    return wanted | {"subjects": [subject_of_log(wanted["name"], told[INCARNATION])]}


async def _made(connection: Connection, wanted: dict[str, Any]) -> dict[str, Any]:
    name = wanted["name"]
    try:
        return await connection.api(f"STREAM.CREATE.{name}", wanted)
    except ApiError as error:
        if error.err_code == IN_USE:  # somebody else was faster
            return await _made_by_others(connection, name)
        if error.err_code == NOT_CLUSTERED and wanted["num_replicas"] > 1:
            return await _made(connection, wanted | {"num_replicas": 1})
        if error.err_code == NO_PEERS:
            raise BadSettings(
                f"stream {name}: num_replicas {wanted['num_replicas']} is more than the servers "
                f"that can hold it ({error.description}); remedy: run three servers with JetStream "
                "and room on their disks"
            ) from None
        if error.err_code == OVERLAP:
            raise BadSettings(
                f"stream {name}: subjects {wanted['subjects']!r} are taken by another stream; "
                "remedy: remove those from the other stream, or use another namespace"
            ) from None
        raise error.refusal(f"make stream {name}") from None


async def _made_by_others(connection: Connection, name: str) -> dict[str, Any]:
    """The name is taken before the servers can tell of the stream, which they still spread."""
    for _ in range(LOOKS):
        info = await stream_info(connection, name)
        if info is not None:
            return info
        await asyncio.sleep(LOOK_S)
    raise Unavailable(f"somebody began to make stream {name}, and the servers do not have it yet")
