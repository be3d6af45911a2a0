"""Look for every planted mistake from the first seed on, and say how many seeds each took.

    python tests/sim/campaign_mistakes.py [--seeds 100] [--only PART-OF-A-NAME] [--from SEED]

Prints a line for each, as it stands in `mistakes_found.FOUND`, and the median at the end. A seed
whose world fails without the mistake too finds nothing. Exit status 1: some were not found.
"""

import argparse
import sys
import time

import conftest  # noqa: F401  # where the unit tests' helpers are
from mistake import Mistake, run_with
from mistakes import MISTAKES

from plait.sim.run import simulate


def main() -> int:
    """The campaign."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100, help="tried before a mistake is given up")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", default="", help="mistakes whose names contain this")
    asked = parser.parse_args()
    took: list[int] = []
    lacking = 0
    for mistake in MISTAKES:
        if asked.only not in mistake.name:
            continue
        began = time.perf_counter()
        found = look_for(mistake, range(asked.first, asked.first + asked.seeds))
        seconds = time.perf_counter() - began
        if found is None:
            lacking += 1
            print(f"    # {mistake.name}: not in {asked.seeds} seeds, {seconds:.0f} s", flush=True)
            continue
        seed, kind, text = found
        took.append(seed - asked.first + 1)
        print(f'    "{mistake.name}": ({seed}, "{kind}"),  # {seconds:.1f} s: {text}', flush=True)
    took.sort()
    if took:
        median = took[len(took) // 2]
        print(f"{len(took)} found, {lacking} not; median {median} seeds, at most {took[-1]}")
    return 1 if lacking else 0


def look_for(mistake: Mistake, seeds: range) -> tuple[int, str, str] | None:
    """(seed, kind of problem, its first line) of the first run that fails, and only with it."""
    for seed in seeds:
        config = mistake.world(seed)
        outcome = run_with(mistake, config)
        if not outcome.ok and simulate(config).ok:
            problem = outcome.problems[0]
            return seed, problem.kind, problem.text.splitlines()[0][:120]
    return None


if __name__ == "__main__":
    sys.exit(main())
