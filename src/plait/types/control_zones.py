"""The control line's records of places: where the founders of each line were, and where leaders
are wanted.

Where the nodes are now stands in the control line's membership, and where the members of a line
are that it counts by, in that line's own log. A line begins with its founders where they were when
it was made, so that a rule by zones can be met from its first entry on.

Invariant: a line without zones has no record here, so that nodes of older programs, which know of
none, fold the same rows.
"""

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings
from plait.base.ids import zone_name
from plait.types.commands import PreferZones
from plait.types.fold import Failed, View
from plait.types.keys import CONTROL

FOUNDED = b"founded in/"
_PREFERRED = b"preferred in/"
ZONES_MAX = 64


def put_founding_zones(view: View, line: str, zones: tuple[tuple[str, str], ...]) -> None:
    """Note where the founders of a line are."""
    if zones:
        view.put(CONTROL, FOUNDED + line.encode(), encode(zones))


def founding_zones(view: View, line: str) -> dict[str, str]:
    """Where the founders of a line were, of those that had a zone."""
    data = view.get(CONTROL, FOUNDED + line.encode())
    return {} if data is None else dict(decode(data, type=tuple[tuple[str, str], ...]))


def prefer_zones(view: View, command: PreferZones, exists: bool) -> Failed | None:
    """Note where leaders are wanted; `exists` says whether there is such a line."""
    if command.line and not exists:
        return Failed("NoSuchCollection", f"there is no line {command.line!r}")
    try:
        zones = tuple(dict.fromkeys(map(zone_name, command.zones)))
    except BadSettings as error:
        return Failed(error.code, error.message)
    if len(zones) > ZONES_MAX:
        return Failed("BadSettings", f"{len(zones)} zones; at most {ZONES_MAX} are possible")
    key = _PREFERRED + command.line.encode()
    view.put(CONTROL, key, encode(zones) if zones else None)
    return None


def preferred_zones(view: View, line: str) -> tuple[str, ...]:
    """Where the leader of a line is wanted: what was said of it, or else of all."""
    data = view.get(CONTROL, _PREFERRED + line.encode()) or view.get(CONTROL, _PREFERRED)
    return () if data is None else decode(data, type=tuple[str, ...])
