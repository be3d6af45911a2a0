"""What the Redis door is told: where, and which database is kept how.

``databases`` names how the copies of each agree, from database 0 on; ``prefixes`` leads keys that
begin so to another database than the one that a client has selected.
"""

from typing import Final

import msgspec

from plait.api.settings import Consensus, Leader, Settings
from plait.base.errors import BadSettings

LEADER, CONSENSUS, EVENTUAL = "leader", "consensus", "eventual"
KINDS: Final = (LEADER, CONSENSUS, EVENTUAL)
DATABASES_MAX: Final = 64
CLIENTS_MAX: Final = 10_000


class RespSettings(msgspec.Struct, frozen=True):
    """The door's settings."""

    databases: tuple[str, ...] = KINDS
    prefixes: dict[str, int] = {}
    acks: str = "majority"  # of the databases with a leader
    clients_max: int = CLIENTS_MAX
    idle_s: float = 0.0  # a client that says nothing for so long is let go; 0: never

    def check(self) -> None:
        """`BadSettings` if it makes no sense."""
        if not 0 < len(self.databases) <= DATABASES_MAX:
            raise BadSettings(f"resp.databases: 1 to {DATABASES_MAX} of {', '.join(KINDS)}")
        for kind in self.databases:
            if kind not in KINDS:
                raise BadSettings(f"resp.databases: {kind!r} is none of {', '.join(KINDS)}")
        for prefix, database in self.prefixes.items():
            if not prefix or not 0 <= database < len(self.databases):
                raise BadSettings(f"resp.prefixes: {prefix!r} leads to no database ({database})")
        if self.clients_max < 1 or self.idle_s < 0:
            raise BadSettings("resp: clients_max is at least 1, and idle_s at least 0")

    def line_settings(self, kind: str) -> Settings:
        """How the copies of a database on a line agree."""
        return Consensus() if kind == CONSENSUS else Leader(self.acks)


def collection_of(database: int) -> str:
    """The collection that a database is: a machine or documents."""
    return f"redis-{database}"
