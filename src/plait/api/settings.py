"""How a collection's copies agree, as the user states it."""

from typing import Literal, TypeAlias, get_args

import msgspec

from plait.base.errors import BadSettings
from plait.engines.sharing import SCHEMES, public_url
from plait.line.quorum import CONSENSUS, AckRule
from plait.types.control_graphs import HISTORY, SYNC

ReadFrom: TypeAlias = Literal["leader", "follower", "nearest"]
FEEDS = ".feeds"  # behind a table's name: who consumes its changes; on the line of the table
READ_FROM: tuple[str, ...] = get_args(ReadFrom)


class Leader(msgspec.Struct, frozen=True, tag="leader", tag_field="mode"):
    """Leader–follower: one node orders the writes, followers copy them and serve reads.

    acks: when a write is committed: on disk at the ``leader``, at ``any:K`` followers too, at a
        ``majority`` of the members (the default), or at ``all``; ``any:K@other-zone``: at K
        followers outside the leader's zone. One write may ask for more.
    degrade: let the leader lower the rule, visibly, when too few followers are left; not a rule
        that names zones.
    line: ``"own"`` gives the collection a line to itself; otherwise it shares one with the
        collections of the same rule (and transactions can span those).
    """

    acks: str = "majority"
    degrade: bool = False
    line: Literal["own"] | None = None

    def __post_init__(self) -> None:
        AckRule.parse(self.acks)
        if self.line not in (None, "own"):
            raise BadSettings(f"line={self.line!r}: the only choice is 'own'")
        if self.degrade and self.acks == "leader":
            raise BadSettings("acks='leader' cannot be degraded any further")
        if self.degrade and AckRule.parse(self.acks).by_zone:
            raise BadSettings(f"acks={self.acks!r} is for the loss of a zone: it is not degraded")

    def line_name(self, collection: str) -> str:
        """The line that a collection with these settings lives on."""
        if self.line == "own":
            return f"own/{collection.removesuffix(FEEDS)}"
        acks = self.acks.replace("@", "-")  # which sets a log's number off from its line
        return f"leader/{acks}{'/degrade' if self.degrade else ''}"


class Consensus(msgspec.Struct, frozen=True, tag="consensus", tag_field="mode"):
    """State machine replication: a majority orders every write, and reads see every one of them.

    A write returns once a majority has it on disk and it is applied; a read that any node answers
    is linearizable unless it asks for less (`stale`). The side of a partition without a majority
    refuses both.

    line: ``"own"`` gives the collection a line to itself; otherwise it shares one with the other
        consensus tables (and transactions can span those). A machine always has its own.
    engine: the URL of a server that orders and keeps the log instead of the nodes: NATS JetStream
        (``nats://host:4222,…``) or PostgreSQL (``postgresql://…``). It says where a new line
        begins; `Store.move` may have moved it since, which changes nothing for programs.
    """

    line: Literal["own"] | None = None
    engine: str | None = None

    def __post_init__(self) -> None:
        if self.line not in (None, "own"):
            raise BadSettings(f"line={self.line!r}: the only choice is 'own'")
        if self.engine is not None and self.engine.partition("://")[0] not in SCHEMES:
            schemes = ", ".join(f"{scheme}://…" for scheme in SCHEMES)
            raise BadSettings(f"engine={public_url(self.engine)!r} is none of {schemes}")

    def __repr__(self) -> str:
        engine = None if self.engine is None else public_url(self.engine)
        return f"Consensus(line={self.line!r}, engine={engine!r})"

    @property
    def acks(self) -> str:
        """What a write waits for, as receipts and status name it."""
        return CONSENSUS

    def line_name(self, collection: str) -> str:
        """The line that a collection with these settings lives on."""
        if self.line == "own":
            return f"own/{collection.removesuffix(FEEDS)}"
        return CONSENSUS if self.engine is None else f"{CONSENSUS}/{public_url(self.engine)}"


class Eventual(msgspec.Struct, frozen=True, tag="eventual", tag_field="mode"):
    """Every replica accepts writes at once, offline too; replicas that have seen the same agree.

    sync: how writes travel. ``"auto"`` (the default) sends live operations, what was missed after
        a gap, and the whole state to the new or the too old; the other three pin one road, for
        tests, diagnosis and teaching.
    history: ``"stable"`` drops the past once every member has it; ``"forever"`` keeps it for
        `history()` and `at()`.
    """

    sync: Literal["auto", "ops", "delta", "state"] = "auto"
    history: Literal["stable", "forever"] = "stable"

    def __post_init__(self) -> None:
        if self.sync not in SYNC:
            raise BadSettings(f"sync={self.sync!r} is not one of {', '.join(SYNC)}")
        if self.history not in HISTORY:
            raise BadSettings(f"history={self.history!r} is not one of {', '.join(HISTORY)}")


Settings: TypeAlias = Leader | Consensus


class ReadOptions(msgspec.Struct, frozen=True, array_like=True):
    """Which replica may answer a read, and how far behind it may be."""

    source: ReadFrom = "leader"
    max_lag_s: float | None = None  # seconds behind the leader's commit

    def __post_init__(self) -> None:
        if self.source not in READ_FROM:
            raise BadSettings(f"read={self.source!r} is not one of {', '.join(READ_FROM)}")
        if self.max_lag_s is not None and not self.max_lag_s >= 0:
            raise BadSettings(f"max_lag={self.max_lag_s!r} is not a number of seconds >= 0")
