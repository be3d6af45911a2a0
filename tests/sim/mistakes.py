"""Every planted mistake, and where it was found first.

`campaign_mistakes.py` looks for each from the first seed on; what it prints stands in `FOUND`.
"""

import mistakes_backups
import mistakes_consensus
import mistakes_consumers
import mistakes_folding
import mistakes_graph
import mistakes_members
import mistakes_moves
import mistakes_primary
import mistakes_promises
import mistakes_rights
import mistakes_storage
import mistakes_types
from mistake import Mistake

MISTAKES: tuple[Mistake, ...] = (
    *mistakes_consensus.MISTAKES,
    *mistakes_members.MISTAKES,
    *mistakes_moves.MISTAKES,
    *mistakes_primary.MISTAKES,
    *mistakes_storage.MISTAKES,
    *mistakes_folding.MISTAKES,
    *mistakes_graph.MISTAKES,
    *mistakes_types.MISTAKES,
    *mistakes_promises.MISTAKES,
    *mistakes_backups.MISTAKES,
    *mistakes_consumers.MISTAKES,
    *mistakes_rights.MISTAKES,
)
