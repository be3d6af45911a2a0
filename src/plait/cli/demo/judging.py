"""The demo's history before the judge: `plait check` in a process of its own.

So what is shown is what was run, and the demo's own event loop, through which the nodes reach each
other, is not held up.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec

from plait.cli.exits import DemoFailed

MODEL = "bank"
TIME_LIMIT_S = 20


class Judgement(msgspec.Struct, frozen=True):
    """What `plait check` found."""

    linearizable: bool | None  # None: it could not tell in time
    operations: int
    elapsed_s: float
    why: list[str] = []  # it is not, or could not be told


def command(history: Path) -> str:
    """What anybody can run to have it judged again."""
    return f"plait check {history} --model {MODEL}"


async def judge_history(history: Path) -> Judgement:
    """Have a history judged; `DemoFailed` if it cannot be read."""
    judge = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "plait", "check", str(history), "--model", MODEL,
        "--json", "--time-limit", str(TIME_LIMIT_S),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        output, errors = await judge.communicate()
    finally:
        if judge.returncode is None:
            judge.kill()
    try:
        found: dict[str, Any] = msgspec.json.decode(output)
        why = [found["reason"]] if "reason" in found else []
        why += found.get("counterexample", {}).get("reasons", [])
        return Judgement(found["linearizable"], found["operations"], found["elapsed_s"], why)
    except (msgspec.DecodeError, KeyError):
        said = (output or errors).decode(errors="replace").strip()
        raise DemoFailed(f"the history could not be judged: {said}") from None
