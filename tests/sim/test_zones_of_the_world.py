"""What zones cost over real distances, as the page says it."""

import pytest

from plait.sim.scale import ModeLatency
from plait.sim.scale_zones import ACROSS, HOME, PLACED, READS, WRITES, measure_zones
from plait.sim.topology import topology

Rows = dict[tuple[str, str], ModeLatency]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return {(row.mode, row.region): row for row in measure_zones(topology("wan5"))}


def test_every_kind_is_measured_from_everywhere(rows: Rows) -> None:
    regions = [region.name for region in topology("wan5").regions]
    kinds = [kind for kind, *_ in (*WRITES, *READS)]
    assert sorted(rows) == sorted((kind, region) for kind in kinds for region in regions)


def test_nothing_is_quicker_than_light(rows: Rows) -> None:
    assert all(row.median_ms >= row.light_ms for row in rows.values())


def test_a_copy_in_another_zone_costs_the_way_there_and_one_at_home_none(rows: Rows) -> None:
    way_ms = 1e3 * topology("wan5").round_trip_s(HOME, "oregon")
    for region in dict.fromkeys(PLACED.values()):
        more = rows[ACROSS, region].median_ms - rows["any:1", region].median_ms
        assert way_ms * 0.9 < more < way_ms * 1.2
    assert rows["any:1", HOME].median_ms < 5


def test_where_a_node_is_near_reads_are_too_and_see_their_own_writes(rows: Rows) -> None:
    for region in dict.fromkeys(PLACED.values()):
        assert rows["read: nearest", region].median_ms < 2
        assert rows["read: nearest, own writes", region].median_ms < 10
    for region in ("singapore", "sydney"):
        nearest, leader = rows["read: nearest", region], rows["read: leader", region]
        assert nearest.median_ms < leader.median_ms
