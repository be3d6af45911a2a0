"""Files of pages: the console, the browser replica, and whatever else is mounted.

A browser pays for each file that it asks for, so modules can be named that are handed out with all
that they import (`joining`). Files are kept in memory, compressed too, until they change.

Invariant: only files below a folder that was named are ever read, whatever the path says; names
that begin with a dot are none. What a page may load is what this server has, and nothing else
(Content-Security-Policy). An ETag is that of these bytes, compressed or not.

Absent: listings of folders, ranges, other compression than gzip. Browsers ask each time whether a
file has changed, so a page is never made of two versions of them.
"""

import asyncio
import gzip
import hashlib
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from starlette.responses import RedirectResponse, Response

from plait.doors.http.joining import Joined, NotJoinable, join_modules, map_of

FILE_BYTES_MAX = 16 << 20
KEPT_FILES_MAX = 512
KEPT_BYTES_MAX = 32 << 20
COMPRESSED_BYTES = range(512, 4 << 20)  # others are not worth it, or worth too much
INDEX = "index.html"
MAP = ".map"

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
PACKED = {".png", ".webp", ".woff2"}  # by themselves

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

logger = logging.getLogger("plait.doors.http")

Stamp = tuple[tuple[int, int], ...]  # when each of its parts was written, and their sizes


class _Kept(NamedTuple):
    """What was read, made of one file or several."""

    parts: tuple[Path, ...]
    stamp: Stamp
    etag: str
    data: bytes
    packed: bytes | None  # gzip; None if that is not smaller


class Files:
    """Folders and files by the path that they are mounted at."""

    def __init__(self, folders: Mapping[str, Path], joined: Collection[str] = ()) -> None:
        """folders: ``{"/console/": folder}``, or single files: ``{"/client.js": file}``.

        joined: paths of modules that are handed out with what they import.
        """
        self._folders = {at: path.resolve() for at, path in folders.items()}
        self._joined: set[Path] = set()
        self._joined |= {file for path in joined if (file := self._file(path)) is not None}
        self._kept: dict[Path, _Kept] = {}
        self._kept_bytes = 0

    async def serve(self, method: str, path: str, headers: Mapping[str, str]) -> Response | None:
        """The file at a decoded path; None if there is none. headers: those of the request."""
        file = self._file(path)
        if file is None:
            if f"{path}/" in self._folders:
                return RedirectResponse(path.rpartition("/")[2] + "/", 307)
            return None
        kept = self._known(file) or await asyncio.to_thread(self._read, file)
        return None if kept is None else _answer(file, kept, method, headers)

    def _file(self, path: str) -> Path | None:
        for at, folder in self._folders.items():
            if path == at:
                return folder / INDEX if folder.is_dir() else folder
            if path == at + MAP and folder in self._joined:
                return folder.with_name(folder.name + MAP)
            if at.endswith("/") and path.startswith(at) and folder.is_dir():
                return _below(folder, path[len(at) :])
        return None

    def _known(self, file: Path) -> _Kept | None:
        """What was read before, if nothing of it has changed."""
        kept = self._kept.get(file)
        try:
            return kept if kept is not None and _stamp(kept.parts) == kept.stamp else None
        except OSError:
            return None

    def _read(self, file: Path) -> _Kept | None:
        module = file.with_suffix("") if file.suffix == MAP else file
        kept: _Kept | None
        try:
            if module in self._joined:
                try:
                    kept = _joined(module, file)
                except NotJoinable as why:
                    logger.warning("%s is served without what it imports: %s", module, why)
                    kept = _read(module) if module is file else None
            else:
                kept = _read(file)
        except (OSError, UnicodeDecodeError):
            return None
        if kept is not None:
            self._keep(file, kept)
        return kept

    def _keep(self, file: Path, kept: _Kept) -> None:
        before = self._kept.pop(file, None)
        self._kept_bytes += _size(kept) - (_size(before) if before else 0)
        if len(self._kept) < KEPT_FILES_MAX and self._kept_bytes <= KEPT_BYTES_MAX:
            self._kept[file] = kept
        else:
            self._kept_bytes -= _size(kept)


def _answer(file: Path, kept: _Kept, method: str, asked: Mapping[str, str]) -> Response:
    packed = kept.packed if takes_gzip(asked.get("accept-encoding", "")) else None
    etag = f'"{kept.etag}"' if packed is None else f'"{kept.etag}-gzip"'
    headers = {**HEADERS, "ETag": etag}
    if kept.packed is not None:
        headers["Vary"] = "Accept-Encoding"
    known = asked.get("if-none-match")
    if known is not None and etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    data = kept.data if packed is None else packed
    if packed is not None:
        headers["Content-Encoding"] = "gzip"
    headers["Content-Type"] = TYPES.get(file.suffix.lower(), "application/octet-stream")
    headers["Content-Length"] = str(len(data))
    return Response(b"" if method == "HEAD" else data, headers=headers)


def takes_gzip(accepted: str) -> bool:
    """Whether who sent this Accept-Encoding can read gzip."""
    for one in accepted.lower().split(","):
        name, _, quality = one.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return not quality.strip() or quality.replace(" ", "").strip("q=0.") != ""
    return False


def _read(file: Path) -> _Kept | None:
    stamp = _stamp((file,))
    if not file.is_file() or stamp[0][1] > FILE_BYTES_MAX:
        return None
    return _kept((file,), stamp, file.read_bytes(), file.suffix.lower() not in PACKED)


def _joined(module: Path, file: Path) -> _Kept:
    """file: the module, or the map of it."""
    joined: Joined = join_modules(module)
    text = joined.text if module == file else map_of(joined, module.parent)
    return _kept(joined.parts, _stamp(joined.parts), text.encode(), True)


def _kept(parts: tuple[Path, ...], stamp: Stamp, data: bytes, packs: bool) -> _Kept:
    packed = gzip.compress(data, 6, mtime=0) if packs and len(data) in COMPRESSED_BYTES else None
    if packed is not None and len(packed) >= len(data):
        packed = None
    return _Kept(parts, stamp, hashlib.sha256(data).hexdigest()[:20], data, packed)


def _stamp(parts: tuple[Path, ...]) -> Stamp:
    found = [part.stat() for part in parts]
    return tuple((one.st_mtime_ns, one.st_size) for one in found)


def _size(kept: _Kept) -> int:
    return len(kept.data) + len(kept.packed or b"")


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
