"""Files of pages: the console, the browser replica, and whatever else is mounted.

Invariant: only files below a folder that was named are ever read, whatever the path says; names
that begin with a dot are none. What a page may load is what this server has, and nothing else
(Content-Security-Policy).

Absent: listings of folders, ranges, compression.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from starlette.responses import RedirectResponse, Response

FILE_BYTES_MAX = 16 << 20
KEPT_FILES_MAX = 512
INDEX = "index.html"

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".ics": "text/calendar; charset=utf-8",
    ".map": "application/json",
}

POLICY = "; ".join(
    [
        "default-src 'self'",
        "connect-src 'self' ws: wss:",  # a page's replica may link with every node
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class _Kept(NamedTuple):
    """A file that was read."""

    stamp: tuple[int, int]
    etag: str
    data: bytes


class Files:
    """Folders and files by the path that they are mounted at."""

    def __init__(self, folders: dict[str, Path]) -> None:
        """folders: ``{"/console/": folder}``, or single files: ``{"/client.js": file}``."""
        self._folders = {at: path.resolve() for at, path in folders.items()}
        self._kept: dict[Path, _Kept] = {}

    def answer(self, method: str, path: str, known: str | None) -> Response | None:
        """The file at a decoded path; None if there is none. known: the If-None-Match."""
        file = self._file(path)
        if file is None:
            if f"{path}/" in self._folders:
                return RedirectResponse(path.rpartition("/")[2] + "/", 307)
            return None
        kept = self._read(file)
        if kept is None:
            return None
        headers = {**HEADERS, "ETag": kept.etag}
        if known is not None and kept.etag in (tag.strip() for tag in known.split(",")):
            return Response(status_code=304, headers=headers)
        kind = TYPES.get(file.suffix.lower(), "application/octet-stream")
        data = b"" if method == "HEAD" else kept.data
        if method == "HEAD":
            headers["Content-Length"] = str(len(kept.data))
        return Response(data, headers={**headers, "Content-Type": kind})

    def _file(self, path: str) -> Path | None:
        for at, folder in self._folders.items():
            if path == at:
                return folder / INDEX if folder.is_dir() else folder
            if at.endswith("/") and path.startswith(at) and folder.is_dir():
                return _below(folder, path[len(at) :])
        return None

    def _read(self, file: Path) -> _Kept | None:
        try:
            found = file.stat()
            if not file.is_file() or found.st_size > FILE_BYTES_MAX:
                return None
            stamp = (found.st_mtime_ns, found.st_size)
            kept = self._kept.get(file)
            if kept is None or kept.stamp != stamp:
                data = file.read_bytes()
                etag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
                kept = _Kept(stamp, etag, data)
                if len(self._kept) < KEPT_FILES_MAX:
                    self._kept[file] = kept
        except OSError:
            return None
        return kept


def _below(folder: Path, path: str) -> Path | None:
    """A file below a folder; None for a path that could lead anywhere else."""
    segments = path.split("/")
    if path.endswith("/"):
        segments[-1] = INDEX
    for segment in segments:
        if not segment or segment.startswith(".") or any(c in segment for c in '\\:\0*?"<>|'):
            return None
    try:
        file = folder.joinpath(*segments).resolve()
    except (OSError, ValueError):
        return None
    return file if file.is_relative_to(folder) else None
