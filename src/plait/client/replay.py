"""Replaying a rescued suffix: its groups, as they were first sent, to today's leader.

The groups keep their sessions and numbers. So what did reach the new history by a client's own
retry is found there and not applied twice.

Absent: replaying without the session's memory. A command of a session that the leader does not
know any more might be applied a second time; it is reported as failed, with that reason.
"""

from typing import Any

from plait.api.messages import Applied, Propose, Read, ReadReply
from plait.api.settings import ReadOptions
from plait.base.errors import BadFrame, PlaitError
from plait.client.attempts import Attempts, is_transient
from plait.client.cluster import Cluster
from plait.types.commands import decode_group
from plait.types.fold import Failed


async def replay(cluster: Cluster, groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Propose every group of ``[{"line", "group"}]`` in order; count what became of its commands.

    ``{"applied": n, "already": n, "failed": [{"line", "index", "code", "message"}]}``, where
    index counts the suffix's commands from 0. `Unavailable` if a group finds no leader in time;
    a second replay then carries on, for what was applied is found to be.
    """
    tails: dict[str, int] = {}  # each line's applied position before the replay
    applied = already = index = 0
    failed: list[dict[str, Any]] = []
    for item in groups:
        line, data = item["line"], item["group"]
        count = len(decode_group(data).commands)
        if line not in tails:
            tails[line] = await _tail(cluster, line)
        try:
            answer = await _propose(cluster, line, data)
        except PlaitError as error:
            if is_transient(error):
                raise
            reasons = [(i, Failed(error.code, error.message)) for i in range(count)]
        else:
            # One that its client has an answer to may have been applied again by the client's own
            # retry, or be the one that was cut: nobody can tell, so a person is to look.
            reasons = list(answer.failures)
            done = count - len(answer.failures)
            # A repeated command is answered with the place where it stands since.
            if answer.position < tails[line]:
                already += done
            else:
                applied += done
        failed.extend(
            {"line": line, "index": index + i, "code": reason.code, "message": reason.message}
            for i, reason in reasons
        )
        index += count
    return {"applied": applied, "already": already, "failed": failed}


async def _propose(cluster: Cluster, line: str, data: bytes) -> Applied:
    attempts = cluster.attempts(cluster.limits.write_s)
    answer = await _at_leader(cluster, line, attempts, Propose, data, None)
    if not isinstance(answer, Applied):
        raise BadFrame(f"a proposal was answered with {type(answer).__name__}")
    return answer


async def _tail(cluster: Cluster, line: str) -> int:
    attempts = cluster.attempts(cluster.limits.read_s)
    answer = await _at_leader(cluster, line, attempts, Read, ReadOptions(), None, ())
    if not isinstance(answer, ReadReply):
        raise BadFrame(f"a read was answered with {type(answer).__name__}")
    return answer.position


async def _at_leader(
    cluster: Cluster, line: str, attempts: Attempts, kind: Any, *fields: Any
) -> Any:
    """Ask the line's leader until it answers, whoever that is by then."""
    while attempts.left_s:
        node = cluster.known_leader(line) or "the leader"
        try:
            link = await cluster.leader(line)
            node, wait_s = link.node, attempts.attempt_s
            return await link.ask(kind, line, *fields, wait_s, timeout_s=wait_s)
        except PlaitError as error:
            if not is_transient(error):
                raise
            attempts.note(node, error)
            cluster.learn(line, node, error)
        await attempts.pause()
    raise attempts.gave_up(f"a request to the leader of line {line!r}")
