"""Logs of small segments, and what kill -9 leaves of a log."""

import shutil
from pathlib import Path

import pytest

from plait.host import durable_log


def shrink_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin a segment every few kilobytes."""
    monkeypatch.setattr(durable_log, "SEGMENT_BYTES_MIN", 1 << 10)
    monkeypatch.setattr(durable_log, "SEGMENT_BYTES_MAX", 4 << 10)
    monkeypatch.setattr(durable_log, "_SPARE_BYTES", 256)
    monkeypatch.setattr(durable_log, "_PROBE_BYTES", 256)


def image_of(folder: Path, name: str = "image") -> Path:
    """What kill -9 would leave of an open folder."""
    return Path(shutil.copytree(folder, folder.parent / name))


def segments_of(folder: Path) -> list[int]:
    """The segments that are begun."""
    found = sorted((folder / "log").glob("*.seg"))
    return [int(path.stem) for path in found if any(path.read_bytes())]
