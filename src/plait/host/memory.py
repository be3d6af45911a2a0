"""How much memory this process takes."""

import os


def resident_bytes() -> int:
    """Bytes that are in memory now; 0 where the system does not say (not on Linux)."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
