"""What a trial of a node's disk means, for people."""

from typing import Any

from plait.host.disk_trial import DiskTrial

SLOW_SYNC_S = 0.025  # a spinning disk that is busy; every write waits for one
STALLED_SYNC_S = 0.5  # about when followers begin to doubt a leader
QUICK_SYNC_S = 20e-6  # no device confirms in less
SLOW_BYTES_PER_S = 10e6

_IN_MEMORY = ("tmpfs", "ramfs")
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs")
_UNSAFE = {"barrier=0", "nobarrier", "data=writeback"}


def disk_findings(where: str, trial: DiskTrial) -> list[dict[str, Any]]:
    """Findings as `plait doctor` has them."""
    found: list[tuple[str, str, str]] = []
    if trial.kind in _IN_MEMORY:
        found.append(
            ("refuse", f"its folder is in memory ({trial.kind}): a restart loses it", "use a disk")
        )
    elif trial.sync_s < QUICK_SYNC_S:
        what = (
            f"a sync takes {trial.sync_s * 1e6:.0f} µs: no disk is so fast, so it may be confirmed "
            "before it is done"
        )
        found.append(("warn", what, "switch write caches without batteries off; see `hdparm -W`"))
    if trial.kind in _REMOTE:
        what = f"its folder is on {trial.kind}: locks and syncs are as good as the server's"
        found.append(("warn", what, "use a disk of this machine"))
    unsafe = sorted(_UNSAFE & trial.options)
    if unsafe:
        what = f"its disk is mounted with {', '.join(unsafe)}: a power cut loses what was synced"
        found.append(("refuse", what, "mount it without"))
    if trial.sync_s > SLOW_SYNC_S:
        what = f"a sync takes {trial.sync_s * 1e3:.0f} ms, and every write waits for one"
        found.append(("warn", what, "use a faster disk, or see what else writes to it"))
    elif trial.sync_s_max > STALLED_SYNC_S:
        what = f"one sync of a few took {trial.sync_s_max:.1f} s: leaders may lose their place"
        found.append(("warn", what, "see what else writes to the disk"))
    if trial.bytes_per_s < SLOW_BYTES_PER_S:
        what = f"it writes {trial.bytes_per_s / 1e6:.1f} MB a second"
        found.append(("warn", what, "use a faster disk: a new member takes long to catch up"))
    return [
        {"severity": severity, "where": where, "what": what, "remedy": remedy}
        for severity, what, remedy in found
    ]
