"""The judges: they read a history and say whether the promises were kept; they know no system.

::

    from plait.check import check_history, load_history

    verdict = check_history(load_history("history.jsonl"))
    print(verdict.linearizable)        # True, False, or None: unknown
    print(verdict.explain())

`docs/check.md` has the format of histories and how to judge by an own model.
"""

from plait.check.formats import FORMATS, Format, parse_history
from plait.check.history import BadHistory, Event, History, Operation, from_events
from plait.check.judge import Verdict, check_history
from plait.check.loading import load_history
from plait.check.lost import Lost, lost_writes
from plait.check.models import ILLEGAL, MODELS, Model
from plait.check.recorder import Recorder
from plait.check.sessions import Violation, check_sessions

__all__ = [
    "FORMATS", "ILLEGAL", "MODELS", "BadHistory", "Event", "Format", "History", "Lost", "Model",
    "Operation", "Recorder", "Verdict", "Violation", "check_history", "check_sessions",
    "from_events", "load_history", "lost_writes", "parse_history",
]  # fmt: skip
