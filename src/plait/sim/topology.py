"""Where machines are: regions of the world, and how long a packet takes between them.

Round trips are medians between five public-cloud regions as cloudping.co publishes them (rounded;
they differ by a few percent from month to month). The floor under them is light in fibre, at two
thirds of its speed in vacuum, along the great circle.
"""

import math
from collections.abc import Iterable

import msgspec

from plait.base.errors import BadSettings
from plait.sim.fabric import Fabric
from plait.sim.paths import PathRules

FIBRE_KM_PER_S = 200_000.0
_EARTH_KM = 6371.0


class Region(msgspec.Struct, frozen=True):
    """A place with machines."""

    name: str
    latitude: float  # degrees
    longitude: float


class Topology(msgspec.Struct, frozen=True):
    """Regions, and the round trips between them."""

    name: str
    regions: tuple[Region, ...]
    round_trips_ms: dict[tuple[str, str], float]
    within_ms: float = 0.5  # a round trip inside a region
    bytes_per_s: float = 12.5e6  # between any two machines

    def round_trip_s(self, one: str, other: str) -> float:
        """Between machines of two regions, or of one."""
        if one == other:
            return self.within_ms / 1000
        found = self.round_trips_ms.get((one, other)) or self.round_trips_ms[other, one]
        return found / 1000

    def light_s(self, one: str, other: str) -> float:
        """The round trip that light in fibre takes, laid straight."""
        places = {region.name: region for region in self.regions}
        return 2 * distance_km(places[one], places[other]) / FIBRE_KM_PER_S

    def lay(self, fabric: Fabric, placed: dict[str, str], targets: Iterable[str]) -> None:
        """Give the paths between every machine placed and each target its length, both ways."""
        for target in targets:
            for machine, region in placed.items():
                if machine == target:
                    continue
                one_way_s = self.round_trip_s(region, placed[target]) / 2
                rules = PathRules(one_way_s, one_way_s * 0.02, bytes_per_s=self.bytes_per_s)
                fabric.set_rules(machine, target, rules)
                fabric.set_rules(target, machine, rules)


def distance_km(one: Region, other: Region) -> float:
    """Along the great circle."""
    a, b = math.radians(one.latitude), math.radians(other.latitude)
    turn = math.radians(other.longitude - one.longitude)
    sine = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(sine))


_WAN5 = Topology(
    "wan5",
    (
        Region("virginia", 38.9, -77.4),
        Region("oregon", 45.8, -119.7),
        Region("frankfurt", 50.1, 8.7),
        Region("singapore", 1.3, 103.8),
        Region("sydney", -33.9, 151.2),
    ),
    {
        ("virginia", "oregon"): 65,
        ("virginia", "frankfurt"): 92,
        ("virginia", "singapore"): 217,
        ("virginia", "sydney"): 199,
        ("oregon", "frankfurt"): 146,
        ("oregon", "singapore"): 165,
        ("oregon", "sydney"): 141,
        ("frankfurt", "singapore"): 161,
        ("frankfurt", "sydney"): 249,
        ("singapore", "sydney"): 93,
    },
)
_LAN = Topology("lan", (Region("here", 0.0, 0.0),), {}, within_ms=0.2, bytes_per_s=125e6)

TOPOLOGIES = {topology.name: topology for topology in (_WAN5, _LAN)}


def topology(name: str) -> Topology:
    """The topology of this name; `BadSettings` names those there are."""
    if name not in TOPOLOGIES:
        raise BadSettings(f"no topology {name!r}; there are {', '.join(TOPOLOGIES)}")
    return TOPOLOGIES[name]
