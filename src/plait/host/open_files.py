"""How many files, and with them connections, this process may have open at once.

Invariant: whoever lets clients in asks `room_for` first, so that connections never take the files
that the node's own disk and peers need. Absent: systems without such limits, where nothing is done.
"""

from typing import Final

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

SHARES: Final = 3  # of two doors each may have one; the last is for disks and peers
WANTED_MAX: Final = 65_536


def raise_limit() -> None:
    """Allow this process as many files as it may allow itself; most systems begin with 1,024."""
    if resource is None:
        return
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_MAX if most == resource.RLIM_INFINITY else min(most, WANTED_MAX)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def room_for(wanted: int) -> int:
    """`wanted` clients, or as many as this process has files for."""
    if resource is None:
        return wanted
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, allowed // SHARES))
