"""The demo's judge: what a node holds against what was acknowledged, record by record."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

EXAMPLES_MAX = 5


class Verdict(msgspec.Struct):
    """What one table of one node turned out to hold."""

    node: str
    table: str
    expected: int  # acknowledged records
    found: int = 0  # of those, with the right value
    different: int = 0  # there, with another value
    unclear_found: int = 0  # writes without an answer that did happen
    unexpected: int = 0  # records that nobody wrote
    examples: list[str] = []  # keys that are not as they should be

    @property
    def missing(self) -> int:
        """Acknowledged records that are not there."""
        return self.expected - self.found - self.different

    @property
    def lost(self) -> int:
        """Acknowledged records that are not there as they were acknowledged."""
        return self.expected - self.found

    @property
    def good(self) -> bool:
        """Everything acknowledged is there, and nothing that nobody wrote."""
        return not self.lost and not self.unexpected


async def judge(
    node: str,
    table: str,
    rows: AsyncIterator[tuple[str, Any]],
    acknowledged: Mapping[str, Any],
    unclear: Mapping[str, Any],
) -> Verdict:
    """Compare every row of a table with what was acknowledged, and with what stayed unclear."""
    verdict = Verdict(node, table, len(acknowledged), examples=[])
    seen: set[str] = set()
    wrong: list[str] = []
    async for key, value in rows:
        seen.add(key)
        if key in acknowledged:
            if value == acknowledged[key]:
                verdict.found += 1
                continue
            verdict.different += 1
        elif key in unclear and value == unclear[key]:
            verdict.unclear_found += 1
            continue
        else:
            verdict.unexpected += 1
        wrong.append(key)
    wrong += [key for key in acknowledged if key not in seen]
    verdict.examples = wrong[:EXAMPLES_MAX]
    return verdict
