"""How much history to keep, as people say it: ``7d``, ``all``, a folder."""

from os import PathLike
from pathlib import Path

from plait.base.durations import duration_s
from plait.base.errors import BadSettings
from plait.node.config import HistorySettings

ALL = "all"


def history_of(keep: str | None, archive: str | PathLike[str] | None) -> HistorySettings | None:
    """The settings; None if nothing was said. `BadSettings` for a span that is none."""
    if keep is None and archive is None:
        return None
    keep_s = None if keep in (None, ALL) else _span_s(str(keep))
    return HistorySettings(None if archive is None else Path(archive), keep_s)


def _span_s(text: str) -> float:
    span_s = duration_s(text)
    if not span_s:
        raise BadSettings("history of no time is none: leave it out, or say 7d, 12h or all")
    return span_s
