"""What the commands do, on a keyspace in memory. Importing this fills the table."""

from plait.doors.resp.commands import (
    counters as counters,
)
from plait.doors.resp.commands import (
    hashes as hashes,
)
from plait.doors.resp.commands import (
    keys as keys,
)
from plait.doors.resp.commands import (
    lists as lists,
)
from plait.doors.resp.commands import (
    plain as plain,
)
from plait.doors.resp.commands import (
    popping as popping,
)
from plait.doors.resp.commands import (
    sets as sets,
)
from plait.doors.resp.commands import (
    sorted_ranges as sorted_ranges,
)
from plait.doors.resp.commands import (
    sorted_sets as sorted_sets,
)
from plait.doors.resp.commands import (
    strings as strings,
)
from plait.doors.resp.commands.table import TABLE as TABLE
from plait.doors.resp.commands.table import Command as Command
