"""Everything that can be asked for, from the modules that do it."""

from plait.doors.http import collections, health
from plait.doors.http.operation import Operation

OPERATIONS: tuple[Operation, ...] = (*health.OPERATIONS, *collections.OPERATIONS)
