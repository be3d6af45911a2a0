"""A register whose concurrent writes a person decides between.

All siblings are kept; the greatest is shown meanwhile, the same one everywhere. An assignment by
somebody who knows only what is shown replaces that sibling and no other; `resolve` replaces all.
Two resolutions at once are two writes at once: equal ones agree, different ones are one new
conflict on the same base.
"""

from typing import Any

from plait.types.cells import Cells
from plait.types.concurrent_register import ConcurrentRegister, Siblings
from plait.types.kept_writes import Writes
from plait.types.plain import same_bytes


class AskRegister(ConcurrentRegister):
    """Concurrent values wait for a person."""

    tag = "q"

    def _assignment(self, state: Writes, value: Any) -> Any:
        standing = state.standing
        if len(standing) > 1:
            values = [same_bytes(state.cells[dot][2]) for dot in standing]
            shown = [
                list(dot) for dot, data in zip(standing, values, strict=True) if data == values[-1]
            ]
            if len(shown) < len(standing):
                return [0, value, shown]
        return [0, value]

    def conflict(self, state: Cells) -> Siblings | None:
        """Different values that stand."""
        assert isinstance(state, Writes)
        if len(state.standing) < 2:
            return None
        siblings = self.siblings(state)
        return siblings if len(siblings.heads) > 1 else None


ASK = AskRegister()
