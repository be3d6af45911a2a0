"""What the guide to documents says is so: its examples run, and print what stands beside them.

A block that calls `asyncio.run` is a program of its own. The others go on from one another within
one open store, as the guide says. What a `print(...)  # text` says it prints, it prints.
"""

import ast
import asyncio
import inspect
import re
import subprocess
import sys

import plait
from tests.house.source import ROOT

GUIDE = ROOT / "docs" / "guide" / "documents.md"
_BLOCK = re.compile(r"(?P<before>^[^\n]*\n)^```python\n(?P<body>.*?)^```", re.M | re.S)
_SAID = re.compile(r"^\s*print\(.*\)  # (.+)$", re.M)


def blocks() -> list[str]:
    """The examples, without those that say that they are not run."""
    text = GUIDE.read_text(encoding="utf-8")
    return [m["body"] for m in _BLOCK.finditer(text) if "<!-- not run:" not in m["before"]]


PROGRAMS = [block for block in blocks() if "asyncio.run(" in block]
CONTINUED = [block for block in blocks() if "asyncio.run(" not in block]


def test_its_programs_run(tmp_path):
    assert PROGRAMS
    for program in PROGRAMS:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


async def test_its_examples_go_on_from_one_another_and_print_what_they_say(
    tmp_path, monkeypatch, capsys
):
    assert len(CONTINUED) > 10
    monkeypatch.chdir(tmp_path)
    async with asyncio.timeout(60), plait.open("data") as store:
        names = {"store": store, "__name__": "guide"}
        for block in CONTINUED:
            code = compile(block, "documents.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            running = eval(code, names)
            if inspect.isawaitable(running):
                await running
            assert capsys.readouterr().out.splitlines() == _SAID.findall(block), block
