"""Compiles the hot modules with mypyc where `PLAIT_COMPILE=1` asks for it; else nothing.

A wheel holds each compiled module beside the plain one, and Python takes the compiled one. All else
about the package is in pyproject.toml. `PLAIT_COMPILE=quick` compiles without optimising: the same,
sooner, for tests. An editable installation is never compiled: what is edited would not be what
runs.
"""

import os
import re
import sys
from pathlib import Path

from setuptools import setup

# What every event of a text or a list goes through while people edit at once. What calls them (the
# sequence, its subclasses) stays plain: its classes are subclassed by plain ones.
HOT = (
    "plait.types.walker.deletions",
    "plait.types.walker.edits",
    "plait.types.walker.graph",
    "plait.types.walker.oplog",
    "plait.types.walker.ordering",
    "plait.types.walker.records",
    "plait.types.walker.spans",
    "plait.types.walker.walker",
)
SHARED = "plait.types.walker"  # the machine code of all is in one library, SHARED + "__mypyc"

# Types of what a build environment lacks are not looked for; the project's own check is strict.
MYPY_OPTIONS = ("--config-file=", "--ignore-missing-imports", "--follow-imports=silent")

BUILDS = ("bdist_wheel", "build", "build_ext")  # commands


def extensions():
    """The compiled modules, as setuptools has them."""
    try:
        from mypyc.build import mypycify
    except ImportError as error:
        sys.exit(f"PLAIT_COMPILE needs {pinned_mypy()} and its mypyc: {error}")
    sources = [f"src/{name.replace('.', '/')}.py" for name in HOT]
    opt_level = "0" if os.environ["PLAIT_COMPILE"] == "quick" else "3"
    options = {"opt_level": opt_level, "debug_level": "0", "group_name": SHARED}
    return mypycify([*MYPY_OPTIONS, *sources], **options)


def pinned_mypy():
    """The version that the project is checked with is the one that compiles it."""
    pins = Path(__file__).with_name("requirements-dev.txt").read_text(encoding="utf-8")
    return re.search(r"^mypy==\S+$", pins, re.MULTILINE)[0]


def arguments(command):
    """What is added to pyproject.toml for a command."""
    if os.environ.get("PLAIT_COMPILE", "") in ("", "0"):
        return {}
    if command == "editable_wheel":
        sys.exit("an editable installation is never compiled: unset PLAIT_COMPILE")
    if command == "egg_info":  # pip asks what it has to bring for the build
        return {"setup_requires": [pinned_mypy()]}
    return {"ext_modules": extensions()} if command in BUILDS else {}


if __name__ == "__main__":
    setup(**arguments(next((word for word in sys.argv[1:] if not word.startswith("-")), "")))
