"""What is measured: writes (or reads) a second and their latencies, and medians over rounds."""

from collections.abc import Sequence
from statistics import median

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """One round of one load."""

    per_s: float
    p50_ms: float
    p99_ms: float


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of an ascending sequence does not exceed (nearest rank)."""
    if not ordered:
        raise ValueError("no values, no percentile")
    rank = -(-len(ordered) * share // 1)  # ceiling
    return ordered[max(0, int(rank) - 1)]


def sample(latencies_s: Sequence[float], seconds: float, weight: int = 1) -> Sample:
    """The sample of operations that ended within `seconds`; each stood for `weight` records."""
    if not latencies_s:
        raise RuntimeError(f"no operation ended within {seconds:g} s")
    ordered = sorted(latencies_s)
    return Sample(
        per_s=len(ordered) * weight / seconds,
        p50_ms=percentile(ordered, 0.5) * 1000,
        p99_ms=percentile(ordered, 0.99) * 1000,
    )


def median_sample(samples: Sequence[Sample]) -> Sample:
    """The median of each figure over rounds."""
    return Sample(
        per_s=median(one.per_s for one in samples),
        p50_ms=median(one.p50_ms for one in samples),
        p99_ms=median(one.p99_ms for one in samples),
    )
