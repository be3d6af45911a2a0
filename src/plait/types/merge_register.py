"""A register whose concurrent writes a function makes one value of.

The function gets the base and all siblings at once. Every replica computes it when it is read, and
nothing is written back: there is no writer whose merge could conflict with another's. So it must
be deterministic. Where it raises, or replicas compare `merged_hash` and differ, somebody writes
``("contest", heads)``: while exactly these heads stand, every replica shows the greatest of them
and has a conflict in its inbox. A later assignment ends that.

A replica that lacks the function shows the greatest head too.
"""

import hashlib
from typing import Any

from plait.base.causality import Dot
from plait.base.codec import decode, encode, encode_value
from plait.types.cells import Cells
from plait.types.concurrent_register import ConcurrentRegister, Siblings
from plait.types.kept_writes import Writes
from plait.types.merging.functions import MergeFunction
from plait.types.plain import same_bytes

_HASH_BYTES = 16


class MergeRegister(ConcurrentRegister):
    """Concurrent values are merged when they are read."""

    tag = "m"

    def __init__(self, function: MergeFunction | None = None) -> None:
        self.function = function

    def _assignment(self, state: Writes, value: Any) -> Any:
        return [0, value]

    def value(self, state: Cells) -> Any:
        """The merged value; without a function the greatest head's."""
        return super().value(state) if self.function is None else self.merged(state, self.function)

    def merged(self, state: Cells, function: MergeFunction) -> Any:
        """The merged value. While the heads are contested, or it raises, the greatest head's."""
        data = self._outcome(state, function)
        return super().value(state) if data is None else decode(data)

    def merged_hash(self, state: Cells, function: MergeFunction) -> bytes | None:
        """What replicas with equal heads compare; None if there is nothing to merge."""
        assert isinstance(state, Writes)
        data = self._outcome(state, function)
        if data is None:
            return None
        text = encode([sorted(state.heads), same_bytes(decode(data))])
        return hashlib.blake2b(text, digest_size=_HASH_BYTES).digest()

    def failed(self, state: Cells, function: MergeFunction) -> list[Dot] | None:
        """The heads to contest, if the function raised on them and nobody has contested them."""
        assert isinstance(state, Writes)
        if state.contested or len(self.siblings(state).heads) < 2:
            return None
        return sorted(state.heads) if self._outcome(state, function) is None else None

    def conflict(self, state: Cells) -> Siblings | None:
        """What a person has to decide between, because the function could not."""
        assert isinstance(state, Writes)
        return self.siblings(state) if state.contested else None

    def _outcome(self, state: Cells, function: MergeFunction) -> bytes | None:
        """The merged value, encoded; None if there is no merging to do, or it cannot be done."""
        assert isinstance(state, Writes)
        if len(state.standing) < 2 or state.contested:
            return None
        key = (tuple(state.heads), function)
        if state.merged is not None and state.merged[0] == key:
            return state.merged[1]
        siblings = self.siblings(state)
        if len(siblings.heads) < 2:
            return None
        try:
            value = function(siblings.base, [head.value for head in siblings.heads])
            data = encode_value(value)
        except MemoryError:  # this process's trouble, not the function's
            raise
        except Exception:  # whatever a user's function raises
            data = None
        state.merged = (key, data)
        return data


MERGE = MergeRegister()
