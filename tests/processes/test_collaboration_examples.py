"""The examples for people run, and end as they say."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("calendar_offline", "room='Room 4', when='Friday 14:00'"),
        ("shopping_cart", "quantities={'apples': 2}"),
    ],
)
def test_an_example_ends_as_it_says(name: str, last: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert last in done.stdout.splitlines()[-1]
