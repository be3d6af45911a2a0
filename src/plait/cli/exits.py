"""Exit codes, and the one line on stderr that goes with each.

====  ==========================================================================
0     done
1     refused or failed, and nothing happened (a full disk, a refused promotion)
2     usage: a wrong option, file, key, value or setting
3     not found: no such table, key, rescued suffix or conflict
4     conflict: somebody else was first
5     unavailable or indefinite: no answer in time; it may have happened
6     the demo found that acknowledged data was lost, or did not reach its end
130   interrupted (Ctrl-C)
====  ==========================================================================
"""

from plait.base.errors import Conflict, Indefinite, NoSuchCollection, PlaitError, UsageError

OK = 0
REFUSED = 1
USAGE = 2
NOT_FOUND = 3
CONFLICT = 4
INDEFINITE = 5
DATA_LOST = 6
INTERRUPTED = 130

_BY_ERROR: tuple[tuple[type[PlaitError], int], ...] = (  # the first that fits
    (NoSuchCollection, NOT_FOUND),
    (UsageError, USAGE),
    (Conflict, CONFLICT),
    (Indefinite, INDEFINITE),
    (PlaitError, REFUSED),
)

_ADVICE = {
    "Unavailable": "is a node running there? `plait serve` starts one; "
    "--url names another, --data opens a folder",
    "FolderInUse": "end that process, or reach it with --url",
    "PromotionRefused": "start the missing members, or accept the loss with --accept-loss",
    "LossNotAccepted": "bring the engine back if that is possible at all, or stop whoever might "
    "still reach it and say --accept-loss",
    "NoSuchCollection": "`plait tables` lists what there is",
    "NoSuchConflict": "`plait conflicts list` shows what waits",
}


class NoSuchKey(NoSuchCollection):
    """A table has no row under a key."""


class NoSuchConflict(NoSuchCollection):
    """Nothing waits for a decision there."""


class DemoFailed(PlaitError):
    """The demo lost acknowledged data, or could not tell its story to the end."""


def exit_code(error: PlaitError) -> int:
    """The code that a command ends with when `error` ends it."""
    if isinstance(error, DemoFailed):
        return DATA_LOST
    return next(code for kind, code in _BY_ERROR if isinstance(error, kind))


def error_line(error: PlaitError) -> str:
    """``error: message (advice)``, on one line."""
    advice = error.advice
    if not advice or error.code == "Unavailable":
        advice = _ADVICE.get(error.code, advice)
    if error.code == "Unavailable" and "cannot reach" not in error.message:
        advice = ""  # whoever did not answer is no node
    line = " ".join(error.message.split())
    return f"error: {line} ({advice})" if advice else f"error: {line}"
