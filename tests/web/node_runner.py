"""Node, for tests of JavaScript modules: where it is, and how a test runs something in it."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

WEB = Path(__file__).parent
REPOSITORY = WEB.parent.parent
CLIENT = REPOSITORY / "src" / "plait" / "doors" / "web" / "client"


def node() -> str:
    """Node's executable; the test is skipped, loudly, where there is none."""
    found = shutil.which("node")
    if found is None:
        try:
            from playwright._impl._driver import compute_driver_executable

            found = str(compute_driver_executable()[0])
        except (ImportError, OSError):
            found = None
    if found is None or not Path(found).exists():
        pytest.skip("NO NODE FOUND: the JavaScript modules were not tried")
    return found


def run_node(
    script: str, data: bytes = b"", timeout_s: float = 110, arguments: Sequence[str] = ()
) -> bytes:
    """What a script of this folder writes to its standard output, for this standard input."""
    done = subprocess.run(
        [node(), str(WEB / script), *arguments],
        input=data,
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    return done.stdout


def run_node_tests(pattern: str, timeout_s: float = 110) -> str:
    """Run Node's own tests of this folder; fails with what they said."""
    files = sorted(str(path) for path in WEB.glob(pattern))
    assert files, f"no tests are called {pattern}"
    done = subprocess.run(
        [node(), "--test", *files], capture_output=True, timeout=timeout_s, check=False
    )
    said = done.stdout.decode()
    assert done.returncode == 0, said[-6000:] + done.stderr.decode()[-2000:]
    return said
