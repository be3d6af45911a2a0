"""What a node must be told: where its folder is, who it is, and who the members are."""

from pathlib import Path

import msgspec

from plait.base.errors import BadSettings
from plait.base.ids import node_name, zone_name
from plait.host.tls import Tls
from plait.types.state_machine import StateMachine

MEMBERS_MAX = 15
DEFAULT_CLUSTER = "plait"


class Limits(msgspec.Struct, frozen=True):
    """Bounds of what grows; the defaults suit a small machine."""

    log_keep_bytes: int = 64 << 20  # of each line's log, kept for followers and feeds
    slot_bytes_max: int = 1 << 30  # log kept for a follower that is behind, at most
    slot_age_s_max: float = 3600.0  # and at most so long after it was last heard
    client_unsent_bytes_max: int = 32 << 20  # answers that a client has not read
    peer_unsent_bytes_max: int = 64 << 20
    feeds_per_client_max: int = 256
    session_idle_s: float = 3600.0  # an exactly-once session unused for so long is dropped
    sessions_max: int = 10_000  # a line
    election_s: float = 0.5  # a leader silent for 1 to 2 times this is given up
    failover_s: float = 0.6  # a leader silent for so long is replaced; 0: only by an operator
    failover_lag_s_max: float = 60.0  # never by a follower that was further behind
    lease_s: float = 2.0  # a leader that no majority of the nodes confirms stops after so long
    audit_s: float = 10.0  # between two audits of a line that changes
    silent_replica_s: float = 7 * 86400.0  # a graph member unheard so long is retired
    disk_reserve_bytes: int | None = None  # kept free; None: 64 MiB, or a fifth of a small disk
    drain_s: float = 5.0  # a node that is told to stop hands over and answers so long, at most
    zone_bytes_per_s: float = 0.0  # of copies and of catching up, to a node of another zone; 0: all
    prefer_after_s: float = 5.0  # that a member in a better zone is well before it is to lead
    pasts_max: int = 4  # stores as they were, open to be read at once
    past_bytes_max: int = 16 << 30  # of all of them, in folders for temporary files
    degrade_after_s: float = 5.0  # a degradable rule that cannot be met is lowered after this


class HistorySettings(msgspec.Struct, frozen=True):
    """How much of the past a node keeps, to be read, and where."""

    folder: Path | None = None  # None: beside the node's own data
    keep_s: float | None = None  # moments of so long ago; None: all
    every_s: float = 2.0  # between two looks at what is new


class NodeConfig(msgspec.Struct, frozen=True):
    """One node. Without members it is alone and needs no address."""

    data: Path
    name: str = "n1"
    listen: str = "127.0.0.1:7401"
    members: dict[str, str] = {}  # name to address, this node included
    leader: str | None = None  # who leads new lines first; the first member if None
    cluster: str = DEFAULT_CLUSTER
    limits: Limits = Limits()
    joins: bool = False  # the cluster exists: wait to be told who its members are
    machines: tuple[type[StateMachine], ...] = ()  # users' classes that can run here
    engine: str = ""  # the URL of a shared engine that orders every line, the control line too
    zone: str = ""  # where it is, to begin with; the control line may have said otherwise since
    insecure: bool = False  # listen on a public address whatever is let in there
    audit_log: Path | None = None  # JSON lines of who did what
    audit_writes: bool = False  # of writes too
    history: HistorySettings | None = None  # None: the past is what logs still reach back to
    tls: Tls | None = None  # what members and clients are spoken to with; None: unencrypted

    def __post_init__(self) -> None:
        node_name(self.name)
        if self.zone:
            zone_name(self.zone)
        for member in self.members:
            node_name(member)
        if self.members and self.name not in self.members:
            raise BadSettings(
                f"node {self.name!r} is not among the members {', '.join(self.members)}"
            )
        if len(self.members) > MEMBERS_MAX:
            raise BadSettings(f"{len(self.members)} members; at most {MEMBERS_MAX} are possible")
        if self.joins and self.members:
            raise BadSettings("a node that joins is told who the members are; name none")
        if self.engine and self.zone:
            raise BadSettings("on a shared engine nobody leads and nobody votes: name no zone")
        if self.engine and (self.members or self.joins or self.leader):
            raise BadSettings(
                "on a shared engine nodes come by being started, and nobody leads: "
                "name no members and no leader"
            )
        if self.engine and self.cluster == DEFAULT_CLUSTER:
            raise BadSettings(
                "name the cluster (--cluster-name): every node with that name on the engine is "
                "one store with the others"
            )
        if self.leader is not None and self.leader not in self.member_names:
            raise BadSettings(f"the first leader {self.leader!r} is not among the members")

    @property
    def member_names(self) -> tuple[str, ...]:
        """Every member in a fixed order; alone: just this node."""
        return tuple(sorted(self.members)) or (self.name,)

    @property
    def first_leader(self) -> str:
        """Who leads lines that nobody has led yet."""
        return self.leader or self.member_names[0]

    @property
    def alone(self) -> bool:
        """Whether it founds its cluster with no other member."""
        return len(self.member_names) == 1 and not self.joins
