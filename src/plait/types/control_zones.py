"""The control line's records of places: where the founders of each line were.

Where the nodes are now stands in the control line's membership, and where the members of a line
are that it counts by, in that line's own log. A line begins with its founders where they were when
it was made, so that a rule by zones can be met from its first entry on.

Invariant: a line without zones has no record here, so that nodes of older programs, which know of
none, fold the same rows.
"""

from plait.base.codec import decode, encode
from plait.types.fold import View
from plait.types.keys import CONTROL

FOUNDED = b"founded in/"


def put_founding_zones(view: View, line: str, zones: tuple[tuple[str, str], ...]) -> None:
    """Note where the founders of a line are."""
    if zones:
        view.put(CONTROL, FOUNDED + line.encode(), encode(zones))


def founding_zones(view: View, line: str) -> dict[str, str]:
    """Where the founders of a line were, of those that had a zone."""
    data = view.get(CONTROL, FOUNDED + line.encode())
    return {} if data is None else dict(decode(data, type=tuple[tuple[str, str], ...]))
