"""Everything that can be asked for, from the modules that do it."""

from plait.doors.http import (
    collections,
    document_operations,
    health,
    operating,
    rows,
    tables,
    transactions,
)
from plait.doors.http.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *health.OPERATIONS, *tables.OPERATIONS, *rows.OPERATIONS, *transactions.OPERATIONS,
    *collections.OPERATIONS, *document_operations.OPERATIONS, *operating.OPERATIONS,
)  # fmt: skip
