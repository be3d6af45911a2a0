"""Every workload by its name."""

from plait.sim.workloads.appends import Appends
from plait.sim.workloads.backups import Backups
from plait.sim.workloads.bank import Bank
from plait.sim.workloads.calendar import Calendar
from plait.sim.workloads.catalogue import Catalogue
from plait.sim.workloads.conflicts import Inbox
from plait.sim.workloads.consumers import Consumers
from plait.sim.workloads.counters import Counters
from plait.sim.workloads.documents import Pages
from plait.sim.workloads.feeds import Feeds
from plait.sim.workloads.floods import Floods, Torrents
from plait.sim.workloads.intents import Intents
from plait.sim.workloads.members import Members
from plait.sim.workloads.mirrors import Mirrors
from plait.sim.workloads.moves import Moves
from plait.sim.workloads.queues import Queues
from plait.sim.workloads.registers import Registers
from plait.sim.workloads.rights import UnderRights
from plait.sim.workloads.sessions import Sessions
from plait.sim.workloads.texts import Texts
from plait.sim.workloads.upgrades import Upgrades
from plait.sim.workloads.workload import Workload

WORKLOADS: dict[str, type[Workload]] = {
    "appends": Appends,
    "backups": Backups,
    "bank": Bank,
    "calendar": Calendar,
    "catalogue": Catalogue,
    "conflicts": Inbox,
    "consumers": Consumers,
    "counters": Counters,
    "documents": Pages,
    "feeds": Feeds,
    "floods": Floods,
    "intents": Intents,
    "members": Members,
    "mirrors": Mirrors,
    "moves": Moves,
    "queues": Queues,
    "registers": Registers,
    "rights": UnderRights,
    "sessions": Sessions,
    "texts": Texts,
    "torrents": Torrents,
    "upgrades": Upgrades,
}
