"""The control line's records of nodes that follow chosen collections only.

A node without a record follows everything. What is chosen are names: of tables, of machines and
of collections of documents, whichever bear them by the time that it is asked.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings
from plait.base.ids import collection_name, node_name
from plait.types.commands import SetChoice
from plait.types.control_followers import FOLLOWERS_MAX
from plait.types.fold import Failed, View
from plait.types.keys import CONTROL

CHOICE = b"choice/"
_CHOICE_END = b"choice0"
CHOSEN_MAX = 1000  # collections of one node


class ChoiceRecord(msgspec.Struct, frozen=True, array_like=True):
    """What a node follows."""

    node: str
    collections: tuple[str, ...]  # sorted


def choices(view: View) -> dict[str, tuple[str, ...]]:
    """By node, in order, what it follows; those that follow everything are absent."""
    rows = view.scan(CONTROL, CHOICE, _CHOICE_END, FOLLOWERS_MAX)
    records = [decode(data, type=ChoiceRecord) for _, data in rows]
    return {record.node: record.collections for record in records}


def set_choice(view: View, command: SetChoice) -> Failed | None:
    """Note what a node follows from now on."""
    wanted = command.collections
    try:
        node_name(command.node)
        for name in wanted or ():
            collection_name(name)
    except BadSettings as error:
        return Failed(error.code, error.message)
    if wanted is not None and len(wanted) > CHOSEN_MAX:
        return Failed("BadSettings", f"a node follows at most {CHOSEN_MAX} chosen collections")
    key, known = CHOICE + command.node.encode(), choices(view)
    if command.node not in known and len(known) == FOLLOWERS_MAX:
        return Failed("Busy", f"there are {FOLLOWERS_MAX} records of choices already")
    if wanted is None:
        view.put(CONTROL, key, None)
    else:
        view.put(CONTROL, key, encode(ChoiceRecord(command.node, tuple(sorted(set(wanted))))))
    return None
