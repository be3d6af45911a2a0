"""The table of planted mistakes in the documents, made of what there is and where it was found.

    python tests/sim/mistakes_table.py

prints it; `test_mistakes` compares it with `docs/guide/testing.md`.
"""

from collections.abc import Iterator

import conftest  # noqa: F401  # where the unit tests' helpers are
from mistake import Mistake
from mistakes import MISTAKES
from mistakes_found import FOUND

WHO = {
    "probe": "a probe",
    "liveness": "it did not end in time",
    "crash": "a client failed",
    "script": "its script",
}


def rows() -> Iterator[str]:
    """The lines of the table."""
    yield "| mistake | where, and who noticed | seeds |"
    yield "|---|---|---|"
    for mistake in MISTAKES:
        yield _row(mistake)


def _row(mistake: Mistake) -> str:
    seed, kind = FOUND[mistake.name]
    where = ", ".join(f"`{name}`" for name in mistake.world(0).workloads)
    name = mistake.name.replace("_", " ")
    return f"| {name} | {where}: {WHO.get(kind, 'its judge')} | {seed + 1} |"


if __name__ == "__main__":
    print("\n".join(rows()))
