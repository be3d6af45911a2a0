"""The system's clocks, behind the `Clock` port."""

import time


class SystemClock:
    """Real time: `monotonic` never runs backwards, `wall_ms` may jump with the system's clock."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000
