"""Scenarios of libraries: everything runs on one core, and the report says of which machine."""

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from typing import Any


def take_one_core() -> None:
    """Stay on one core, all threads of this process and its children."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def machine_of(peers: Sequence[str], **versions: str) -> dict[str, Any]:
    """The machine as it is now, and the versions of what is measured on it."""
    for name in peers:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "absent"
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "versions": versions,
    }
