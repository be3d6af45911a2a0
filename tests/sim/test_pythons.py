"""One seed, one run: whatever Python, whatever C library.

`PLAIT_PYTHONS` names interpreters that can import what Plait runs on, separated as `PATH` is;
besides, every ``python3.N`` on the path is tried.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import pytest

import plait.sim
from plait.sim.chance import exponential
from plait.sim.config import Config, draw
from plait.sim.run import simulate

WORKLOADS = ("registers", "bank", "queues", "documents", "texts", "catalogue")
FAULTS = ("kill", "power_cut", "pause", "partition", "reset", "bad_sync", "clock_jump")
SOURCES = Path(plait.sim.__file__).parent
_PROGRAM = """
import sys, msgspec
from plait.sim.config import Config
from plait.sim.run import simulate
for line in sys.stdin:
    print(simulate(msgspec.json.decode(line, type=Config)).digest, flush=True)
"""


def configs() -> list[Config]:
    return [
        msgspec.structs.replace(
            draw(seed, (name,), FAULTS), faults=dict.fromkeys(FAULTS, 8.0), work_s=3.0
        )
        for seed, name in enumerate(WORKLOADS)
    ]


def other_pythons() -> list[str]:
    """Interpreters of another version than this one's that have the packages."""
    named = os.environ.get("PLAIT_PYTHONS", "").split(os.pathsep)
    found = [shutil.which(f"python3.{minor}") for minor in range(11, 20)]
    mine, usable = sys.version_info[:2], {}
    for path in filter(None, [*named, *found]):
        asked = subprocess.run(
            [path, "-c", "import sys, apsw, msgspec, click; print(*sys.version_info[:2])"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        version = tuple(map(int, asked.stdout.split()))
        if asked.returncode == 0 and version >= (3, 11) and version != mine:
            usable[version] = path
    return list(usable.values())


def test_a_seed_gives_one_digest_in_every_python_there_is():
    pythons = other_pythons()
    if not pythons:
        pytest.skip("no other Python with Plait's packages: PLAIT_PYTHONS could name some")
    lines = "".join(msgspec.json.encode(config).decode() + "\n" for config in configs())
    here = [simulate(config).digest for config in configs()]
    for python in pythons:
        there = subprocess.run(
            [python, "-c", _PROGRAM], input=lines, capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONPATH": str(SOURCES.parents[1])},
        )  # fmt: skip
        assert there.stdout.split() == here, python


def test_waits_are_these_numbers_on_every_machine():
    random = Random("waits")
    waits = "".join(exponential(random, 0.25).hex() for _ in range(10_000))
    assert hashlib.blake2b(waits.encode(), digest_size=8).hexdigest() == "e2e7dce1cef988c2"


def test_waits_are_exponential():
    random = Random(7)
    waits = sorted(exponential(random, 2.0) for _ in range(50_000))
    assert waits[0] >= 0.0
    assert sum(waits) / len(waits) == pytest.approx(2.0, rel=0.02)
    assert waits[len(waits) // 2] == pytest.approx(2.0 * 0.693147, rel=0.03)
    assert waits[len(waits) * 95 // 100] == pytest.approx(2.0 * 2.995732, rel=0.03)


def test_nothing_in_the_false_world_asks_the_c_library_for_a_number():
    inexact = re.compile(
        r"expovariate|gauss|normalvariate|gammavariate|betavariate|paretovariate|weibull"
        r"|math\.(log|exp|pow|sin|cos|tan|sqrt)\w*|\*\* ?0?\."
    )
    drawn_only = {"topology.py", "scale_page.py", "chance.py"}  # distances and pictures
    asks = [
        f"{path.name}: {found.group()}"
        for path in sorted(SOURCES.rglob("*.py"))
        if path.name not in drawn_only
        for found in inexact.finditer(path.read_text())
    ]
    assert not asks
