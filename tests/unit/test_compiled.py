"""The compiled build: what it says of itself, and that it does what the plain one does.

The machine code is kept under pytest's cache and built again when a source that it comes from
changes; the modules beside it are always those of the checkout.
"""

import hashlib
import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import types
import zipfile
from pathlib import Path

import pytest

from plait.host.compiled import compiled_modules
from plait.types.text.state import TextState
from tests.house.source import ROOT, imports, parsed

SETUP = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")
HOT = list(SETUP["HOT"])
BUILD_FILES = ("setup.py", "pyproject.toml", "requirements-dev.txt", "README.md", "LICENSE")
LIBRARY = sysconfig.get_config_var("EXT_SUFFIX")

# What is run on the compiled modules here; `make compiled` runs more.
QUICK = (
    "tests/unit/test_compiled.py",
    "tests/laws/test_text_converges.py",
    *(f"tests/unit/test_text_{part}.py" for part in ("storage", "forgeries", "blocks", "hunks")),
)
SEEDS = "0:20"
RUN_MAX_S = 200


def path_of(module: str) -> Path:
    """The plain source of one of Plait's modules; a package is its folder."""
    return ROOT / "src" / Path(*module.split("."))


# ----------------------------------------------------------------------------- what it says


def test_an_installation_is_compiled_altogether_or_not_at_all() -> None:
    assert TextState().text() == ""  # it is loaded
    assert compiled_modules() in ([], HOT)


def test_what_is_compiled_is_known_by_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiled_modules()
    for name in ("plait.zest", "plait.zest__mypyc", "other.zest"):
        module = types.ModuleType(name)
        module.__file__ = f"zest{LIBRARY}"
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "plait.without_file", types.ModuleType("plait.without_file"))
    assert compiled_modules() == [*before, "plait.zest"]


def test_every_module_to_be_compiled_has_a_plain_source() -> None:
    assert sorted(HOT) == HOT
    assert all(path_of(module).with_suffix(".py").is_file() for module in HOT)


def test_nothing_is_compiled_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, "", "0"):
        if value is None:
            monkeypatch.delenv("PLAIT_COMPILE", raising=False)
        else:
            monkeypatch.setenv("PLAIT_COMPILE", value)
        assert SETUP["arguments"]("bdist_wheel") == {}
        assert SETUP["arguments"]("editable_wheel") == {}


def test_an_editable_installation_is_never_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_COMPILE", "1")
    with pytest.raises(SystemExit, match="editable"):
        SETUP["arguments"]("editable_wheel")


def test_what_checks_the_types_compiles_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_COMPILE", "1")
    pins = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").split()
    (asked,) = SETUP["arguments"]("egg_info")["setup_requires"]
    assert asked.startswith("mypy==")
    assert asked in pins


# ----------------------------------------------------------------------------- what it does


def run(*arguments: str, folder: Path = ROOT, **extra: str) -> subprocess.CompletedProcess[str]:
    """What a Python process does, with more in its environment."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **extra},
        capture_output=True,
        text=True,
        timeout=RUN_MAX_S,
        check=False,
    )


def why_not() -> str:
    """What is missing to compile; nothing if all is there."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if not shutil.which(compiler):
        return f"no C compiler {compiler!r} (Debian: apt install gcc)"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "no Python.h (Debian: apt install python3-dev)"
    for package in ("mypyc", "setuptools"):
        done = run("-c", f"import {package}")
        if done.returncode:
            return f"no {package} (make env)"
    return ""


def sources() -> list[Path]:
    """The modules to be compiled and all of Plait's that they import: constants are copied."""
    found: dict[Path, None] = {}
    todo = [*HOT]
    while todo:
        path = path_of(todo.pop()).with_suffix(".py")
        if path.is_file() and path not in found:
            found[path] = None
            todo += [module for module, _ in imports(parsed(path))]
    return sorted(found)


def fingerprint() -> str:
    """Equal as long as the same would be built."""
    digest = hashlib.sha256(f"{LIBRARY} {sys.version}".encode())
    for path in (*sources(), *(ROOT / name for name in BUILD_FILES[:3])):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def built(cache: Path, scratch: Path) -> Path:
    """The folder with the libraries, as they lie beside the plain modules."""
    kept = cache / fingerprint()
    if kept.is_dir():
        return kept
    shutil.copytree(ROOT / "src" / "plait", scratch / "src" / "plait")
    for name in BUILD_FILES:
        shutil.copy(ROOT / name, scratch)
    pip = ("-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", "wheel", ".")
    done = run(*pip, folder=scratch, PLAIT_COMPILE="quick")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (wheel,) = (scratch / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        inside = packed.namelist()
        libraries = [name for name in inside if name.endswith(LIBRARY)]
        packed.extractall(scratch / "libraries", libraries)
    plain = [f"{module.replace('.', '/')}.py" for module in HOT]
    assert len(libraries) == len(HOT) + 1
    assert not set(plain) - set(inside), "the plain modules are in every wheel"
    for old in cache.glob("[0-9a-f]" * 16):
        shutil.rmtree(old, ignore_errors=True)
    shutil.move(scratch / "libraries", kept)
    return kept


@pytest.mark.slow
@pytest.mark.timeout(2 * RUN_MAX_S)
@pytest.mark.skipif(bool(compiled_modules()), reason="SKIPPED: what runs here is compiled")
def test_the_compiled_modules_do_what_the_plain_ones_do(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if missing := why_not():
        pytest.skip(f"SKIPPED: nothing is compiled and tested here: {missing}")
    cache = getattr(request.config, "cache", None)  # pytest may run without
    kept = tmp_path if cache is None else cache.mkdir("compiled")
    libraries = built(kept, tmp_path / "build")
    site = tmp_path / "site"
    shutil.copytree(ROOT / "src", site, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copytree(libraries, site, dirs_exist_ok=True)
    look = "import sys, plait.types.text.state; from plait.host.compiled import *; "
    look += "print(compiled_modules(), 'mypy_extensions' in sys.modules)"
    for arguments, expected in (
        (("-c", look), f"{HOT} False"),
        (("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *QUICK), " passed"),
    ):
        done = run(*arguments, PYTHONPATH=str(site), TEXT_SEEDS=SEEDS, PLAIT_TURN="all")
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
        assert expected in done.stdout
