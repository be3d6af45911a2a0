"""A server that is wrong on purpose: it says that entries are on disk when they are on the way.

It is Plait without one step: the log is written and not synced. A power cut has to show it; see
`test_faults_power`.
"""

import os

from plait.cli.main import main
from plait.host.disk import Disk


def write(self: Disk, file: int, data: bytes, offset: int) -> None:
    """Written, as far as this process can tell."""
    os.pwrite(file, data, offset)


Disk.write = write  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
