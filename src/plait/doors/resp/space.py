"""A space: where the commands of one database go.

Connections hand over *jobs*: commands that one of them sent together. A space gathers the jobs of
one pass of the event loop, does them in one go, and tells each connection its replies.

Invariant: a connection has one job under way at most, so its replies come in the order of its
commands; and each job is answered once.
"""

from collections.abc import Callable
from typing import Protocol

from plait.base.errors import (
    BadCertificate,
    Busy,
    Indefinite,
    NotAllowed,
    NotLeader,
    NotSignedIn,
    PlaitError,
    ReadOnly,
    TooStale,
    Unavailable,
)
from plait.doors.resp.commands.table import Arguments
from plait.doors.resp.replies import Complaint, Failed, encode

Tell = Callable[[bytes, int], None]  # replies, and how many of the commands they answer


class Job:
    """Commands of one connection, with nothing of that connection under way before them.

    `reply` is told some replies, and the number of commands that they answer; what is left is sent
    again by the connection.
    """

    __slots__ = ("commands", "protocol", "reply", "size", "writes")

    def __init__(
        self, protocol: int, commands: list[Arguments], writes: bool, size: int, reply: Tell
    ) -> None:
        self.size = size  # in bytes, roughly
        self.protocol = protocol
        self.commands = commands
        self.writes = writes
        self.reply = reply


class Space(Protocol):
    """One database."""

    kind: str  # "leader", "consensus" or "eventual"

    def serve(self, job: Job) -> None:
        """Do these commands, in this pass of the loop or later. Never raises."""
        ...

    async def watch(self, keys: list[bytes]) -> int:
        """Note changes of keys from now on, for a transaction. `Complaint` where none can."""
        ...

    async def acknowledged(self, replicas: int, timeout_s: float) -> int:
        """How many other nodes have what was written until now, once they are so many; or in
        time."""
        ...

    async def close(self) -> None:
        """No more jobs."""
        ...


def refuse(job: Job, error: Exception) -> None:
    """Answer every command of a job with an error."""
    count = len(job.commands)
    job.reply(encode(Failed(error_text(error)), job.protocol) * count, count)


def error_text(error: Exception) -> str:
    """What a client of Redis is told of an error of ours: a code that it knows, and the reason."""
    text = str(error).replace("\r", " ").replace("\n", " ")
    match error:
        case Complaint():
            return text
        case NotSignedIn() | BadCertificate():
            return f"NOAUTH Authentication required. {text}"
        case NotAllowed():
            return f"NOPERM {text}"
        case ReadOnly():
            return f"MISCONF {text}"
        case Busy():
            return f"TRYAGAIN {text}"
        case NotLeader() | TooStale():
            return f"CLUSTERDOWN {text}"
        case Unavailable() | Indefinite():
            return f"CLUSTERDOWN it may or may not have happened: {text}"
        case PlaitError():
            return f"ERR {error.code}: {text}"
    return f"ERR {type(error).__name__}: {text}"
