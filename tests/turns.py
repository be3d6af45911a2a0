"""Cases that `make test` takes by turns: a mark ``turns(n)`` has each run take every n-th.

Which ones is decided by the commit, so the same sources give the same run and further ones take
further cases. ``PLAIT_TURN=all`` takes all of them, as `make sim` does, ``PLAIT_TURN=5`` those of
one turn. Who asks for cases by name, with ``-k``, or for seeds (``RAFT_SEEDS=0:500``) gets all.
"""

import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest

VARIABLE = "PLAIT_TURN"


def choose_turn(config: pytest.Config) -> None:
    """Choose the turn of this run, for its workers too."""
    if VARIABLE not in os.environ:
        os.environ[VARIABLE] = "all" if _are_named(config) else str(_turn_of_commit())


def in_turn(items: list[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """(those whose turn it is, the others)."""
    asked = os.environ[VARIABLE]
    if asked == "all":
        return items, []
    taken, left, seen = [], [], Counter[str]()
    for item in items:
        mark = item.get_closest_marker("turns")
        name = item.nodeid.partition("[")[0]
        whose = mark is None or (seen[name] + int(asked)) % mark.args[0] == 0
        seen[name] += 1
        (taken if whose else left).append(item)
    return taken, left


def _are_named(config: pytest.Config) -> bool:
    named = any("::" in one for one in config.args) or bool(config.getoption("keyword"))
    return named or any(name.endswith(("_SEED", "_SEEDS")) for name in os.environ)


def _turn_of_commit() -> int:
    """A number of the commit; 0 where there is none."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
        return int(done.stdout[:8], 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0
