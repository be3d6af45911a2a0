"""What may be forgotten of a log: how many bytes are kept, and what was long ago.

Samples of (time, position, bytes) are taken now and then; what lies before the newest sample that
still leaves enough bytes behind it may go. A log from before this process started has no samples
and stays until enough was written since.

Where history is kept nothing goes that the archive does not have yet, unless that is far more than
is kept anyhow: then the archive will have a gap, which is better than a full disk.
"""

from collections import deque
from typing import NamedTuple

from plait.node.config import Limits

SAMPLES_MAX = 4096


class _Sample(NamedTuple):
    position: int
    bytes_end: int


class Retention:
    """Remembers where a log stood."""

    def __init__(self, limits: Limits) -> None:
        self._keep_bytes = limits.log_keep_bytes
        self._samples: deque[_Sample] = deque(maxlen=SAMPLES_MAX)
        self.archived: int | None = None  # what stands below is in the archive; None: there is none
        self._keep_anyhow = limits.log_keep_bytes + limits.slot_bytes_max
        self._times: deque[tuple[float, int]] = deque(maxlen=SAMPLES_MAX)

    def note(self, position: int, bytes_end: int) -> None:
        """Everything below `position` is in the state file; the log had so many bytes there."""
        if not self._samples or position > self._samples[-1].position:
            self._samples.append(_Sample(position, bytes_end))

    def trimmable(self, bytes_end: int) -> int:
        """The position below which the log may be forgotten."""
        samples = self._samples
        while len(samples) > 1 and self._may_go(samples[1], bytes_end):
            samples.popleft()
        return samples[0].position if samples and self._may_go(samples[0], bytes_end) else 0

    def _may_go(self, sample: _Sample, bytes_end: int) -> bool:
        behind = bytes_end - sample.bytes_end
        kept = self.archived is None or sample.position <= self.archived
        return behind >= (self._keep_bytes if kept else self._keep_anyhow)

    def position_before(self, now: float, applied: int, age_s: float) -> int:
        """Where the line stood `age_s` seconds ago; 0 if this process is younger."""
        if not self._times or now - self._times[-1][0] >= age_s / 64:
            self._times.append((now, applied))
        found = 0
        while self._times and now - self._times[0][0] >= age_s:
            found = self._times[0][1]
            if len(self._times) > 1 and now - self._times[1][0] >= age_s:
                self._times.popleft()
            else:
                break
        return found
