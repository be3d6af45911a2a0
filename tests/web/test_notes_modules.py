"""The notes app's pure modules, tried by Node's own test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

HERE = Path(__file__).parent
WEB = HERE.parents[1] / "src" / "plait" / "apps" / "notes" / "web"
NODE = shutil.which("node") or compute_driver_executable()[0]
LINES_MAX = 400


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("notes_*.test.mjs")))
def test_node_finds_nothing_wrong_with(name):
    done = subprocess.run(
        [NODE, "--test", str(HERE / name)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.parametrize("path", sorted(WEB.glob("*.js")), ids=lambda path: path.name)
def test_a_module_says_what_it_is_and_holds_one_noun(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("/**\n * ")
    assert len(text.splitlines()) <= LINES_MAX
    assert "https://" not in text.replace("https://${", "").replace("`https://", ""), (
        "asks elsewhere"
    )
