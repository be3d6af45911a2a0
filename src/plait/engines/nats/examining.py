"""Examining a cluster: what of its set-up could lose what it acknowledged, or stand in the way.

A client sees its streams and what a server says of itself on connecting. It does not see whether
servers sync before they answer, unless its account may ask the system's; then it is told.
"""

import asyncio
from typing import Any

import msgspec
from nats.aio.msg import Msg

from plait.engines.nats.connection import ApiError, Connection
from plait.engines.nats.naming import Names
from plait.engines.nats.settings import findings, stream_config
from plait.engines.nats.streams import as_made
from plait.engines.shared import Finding

PAYLOAD_MIN = 8 << 20  # an entry of the proposer's largest size goes in, with room
LISTEN_S = 0.5
SYNC_REMEDY = "set jetstream { sync_interval: always } in every server's configuration"


async def examine(
    connection: Connection, names: Names, wanted: list[dict[str, Any]], payload_max: int
) -> list[Finding]:
    """Findings, worst first. `wanted` are the streams beside the logs."""
    found: list[Finding] = []
    by_name = {each["name"]: each for each in wanted}
    logs = names.log("x")[:-1]
    offset, total = 0, 1
    while offset < total:
        try:
            answer = await connection.api("STREAM.LIST", {"offset": offset})
        except ApiError as error:
            raise error.refusal("list streams") from None
        streams = answer.get("streams") or []
        total, offset = answer.get("total", 0), offset + max(1, len(streams))
        for info in streams:
            name = info["config"]["name"]
            if name.startswith(logs):
                wanted_log = stream_config(name, "") | {"metadata": {}}
                found += findings(as_made(wanted_log, info), info)
            elif name in by_name:
                found += findings(by_name[name], info)
    if payload_max < PAYLOAD_MIN:
        found.append(
            Finding(
                "warn",
                f"max_payload is {payload_max} bytes: larger entries are refused",
                f"set max_payload: {PAYLOAD_MIN} in every server's configuration",
            )
        )
    found += await _sync(connection)
    return sorted(found, key=lambda one: one.severity != "refuse")


async def _sync(connection: Connection) -> list[Finding]:
    """What servers say about syncing, if they say anything."""
    session = await connection.up()
    answers: list[bytes] = []

    async def collect(message: Msg) -> None:
        if message.data:
            answers.append(message.data)

    inbox = session.client.new_inbox()
    subscription = await session.client.subscribe(inbox, cb=collect)
    await session.client.publish("$SYS.REQ.SERVER.PING.VARZ", b"", reply=inbox)
    await asyncio.sleep(LISTEN_S)
    await subscription.unsubscribe()
    lazy, told = [], False
    for answer in answers:
        try:
            data = msgspec.json.decode(answer)["data"]
            told = True
            if not data["jetstream"]["config"].get("sync_always"):
                lazy.append(str(data.get("server_name")))
        except (msgspec.DecodeError, KeyError, TypeError):
            continue
    if lazy:
        what = f"servers {', '.join(sorted(lazy))} acknowledge before they sync their disks"
        return [Finding("refuse", what, SYNC_REMEDY)]
    if told:
        return []
    what = (
        "whether the servers sync their disks before they acknowledge cannot be seen from this "
        "account; by default they do so every two minutes, and a power cut loses the rest"
    )
    return [Finding("warn", what, SYNC_REMEDY)]
