"""The space–time diagram in text: one row a process, one bar an operation.

::

    0  ├─write 1─┤
    1       ├─write 2─┤
    2                    ├─read → 1─┤

Only the order of the ends is true to scale. An operation that never ended runs to the edge.
"""

from collections.abc import Sequence

from plait.check.history import Operation

WIDTH_MAX = 400  # columns; beyond that a list is easier to read

Labelled = Sequence[tuple[Operation, str]]


def draw(operations: Labelled) -> list[str]:
    """The lines of the diagram."""
    columns, width = layout(operations)
    if width > WIDTH_MAX:
        return _listed(operations)
    rows: dict[str, list[str]] = {}
    for operation, text in operations:
        row = rows.setdefault(str(operation.process), [" "] * (width + 1))
        start = columns[operation.invoked]
        end = width if operation.returned is None else columns[operation.returned]
        bar = "├─" + text + "─" * (end - start - len(text) - 2)
        row[start : end + 1] = bar + ("┈" if operation.returned is None else "┤")
    margin = max(map(len, rows), default=0)
    return [f"{name:>{margin}}  {''.join(row).rstrip()}" for name, row in rows.items()]


def layout(operations: Labelled) -> tuple[dict[int, int], int]:
    """A column for each event, so that every label fits into its bar; and the last column."""
    invoked = {operation.invoked: len(text) for operation, text in operations}
    begun = {
        operation.returned: operation.invoked
        for operation, _ in operations
        if operation.returned is not None
    }
    columns: dict[int, int] = {}
    column = -1
    for event in sorted({*invoked, *begun}):
        column += 1
        if event in begun:
            start = begun[event]
            column = max(column + 1, columns[start] + invoked[start] + 3)
        columns[event] = column
    width = column + 2
    for operation, text in operations:
        if operation.returned is None:
            width = max(width, columns[operation.invoked] + len(text) + 3)
    return columns, width


def _listed(operations: Labelled) -> list[str]:
    """One line an event, where bars would be too wide."""
    events: list[tuple[int, str]] = []
    for operation, text in operations:
        events.append((operation.invoked, f"[{operation.process}] begins  {text}"))
        if operation.returned is not None:
            events.append((operation.returned, f"[{operation.process}] ends    {text}"))
    return [line for _, line in sorted(events)]
