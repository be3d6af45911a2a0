"""A folder that something else carries between machines: files that appear whole, or are not seen.

::

    FOLDER/plait-<writer>/<number>-<token>-<kind>.plait

Every writer has a folder of its own and writes nowhere else. A file never changes once it has its
name, and the random token in the name keeps two writers that believe to be the same (a copied data
folder) from replacing each other's. Names are in lower case and say nothing that the contents do
not say as well, so copies that a carrier renames ("... (conflicted copy).plait") are read for what
they hold::

    magic 8 | digest 16 | label length 4 | body length 8 | label | body

Invariant: a file that is given out is exactly what some writer wrote. One that is cut short, still
being copied or damaged is *bad*: it is reported, left alone, and looked at again next time.

Absent: what files mean (`node.folder_sync`), watching for changes (carriers differ; look again),
and removing anything that another writer wrote.
"""

import contextlib
import errno
import hashlib
import os
import stat
import struct
from pathlib import Path
from typing import NamedTuple

import msgspec

from plait.base.codec import encode
from plait.base.errors import BadFrame, BadSettings, StorageError
from plait.host.folder import os_error, sync_folder

FILE_BYTES_MAX = 80 << 20
WRITERS_MAX = 1024
FILES_PER_WRITER_MAX = 16_384
KIND_MAX = 16

_PREFIX = "plait-"
_SUFFIX = ".plait"
_MAGIC = b"PLAITSF1"
_FRONT = struct.Struct(">8s16sIQ")


class Label(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Who wrote a file, and what it is."""

    writer: str  # 16 hex digits
    number: int  # of one writer's files, greater for later ones
    token: str  # 8 random hex digits
    kind: str
    about: bytes  # what a reader needs before it reads the body


class Found(NamedTuple):
    """A good file."""

    path: Path  # where it is; what a relay holds is nowhere, and only called so
    size: int  # bytes
    label: Label

    @property
    def name(self) -> str:
        """What people are told that it is called."""
        return f"{self.path.parent.name}/{self.path.name}"


class Bad(NamedTuple):
    """A file that cannot be used now."""

    name: str  # below the folder
    why: str


class Scan(NamedTuple):
    """Everything in the folder, in one order."""

    files: list[Found]
    bad: list[Bad]


_Signature = tuple[int, int, int]  # size, time of change, inode
_label_decoder = msgspec.msgpack.Decoder(Label)


class SharedFolder:
    """One shared folder. Raises `BadSettings` if it is none, and `StorageError`s."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._known: dict[Path, tuple[_Signature, Found]] = {}
        if not self.path.exists():
            raise BadSettings(f"there is no folder {self.path}: make it, or mount it")
        if not self.path.is_dir():
            raise BadSettings(f"{self.path} is no folder")

    # ------------------------------------------------------------------ reading

    def scan(self) -> Scan:
        """Look at everything. A file that did not change since it was found good is not reread."""
        scan = Scan([], [])
        known, self._known = self._known, {}
        for folder in self._writers(scan):
            for path in self._names(folder, scan):
                self._look(path, known, scan)
        scan.files.sort(key=lambda found: (found.label.writer, found.label.number, found.path))
        return scan

    def _writers(self, scan: Scan) -> list[Path]:
        names = [name for name in _listed(self.path) if name.lower().startswith(_PREFIX)]
        if len(names) > WRITERS_MAX:
            scan.bad.append(Bad(".", f"{len(names)} writers; {WRITERS_MAX} are looked at"))
        return [self.path / name for name in names[:WRITERS_MAX]]

    def _names(self, folder: Path, scan: Scan) -> list[Path]:
        try:
            if not stat.S_ISDIR(folder.lstat().st_mode):
                return []
            names = [name for name in _listed(folder) if _is_ours(name)]
        except FileNotFoundError:
            return []
        except (OSError, StorageError) as error:
            scan.bad.append(Bad(folder.name, f"cannot be listed: {error}"))
            return []
        if len(names) > FILES_PER_WRITER_MAX:
            what = f"{len(names)} files; {FILES_PER_WRITER_MAX} are looked at"
            scan.bad.append(Bad(folder.name, what))
        return [folder / name for name in names[:FILES_PER_WRITER_MAX]]

    def _look(self, path: Path, known: dict[Path, tuple[_Signature, Found]], scan: Scan) -> None:
        name = f"{path.parent.name}/{path.name}"
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                return
            signature = (status.st_size, status.st_mtime_ns, status.st_ino)
            earlier = known.get(path)
            if earlier is None or earlier[0] != signature:
                label, _ = parse(_read(path))
                earlier = (signature, Found(path, status.st_size, label))
        except FileNotFoundError:
            return  # it went while we looked
        except (BadFrame, OSError) as error:
            scan.bad.append(Bad(name, getattr(error, "strerror", None) or str(error)))
            return
        self._known[path] = earlier
        scan.files.append(earlier[1])

    def read(self, found: Found) -> bytes:
        """The body of a file. `BadFrame` if it is gone or not what it was."""
        try:
            label, body = parse(_read(found.path))
        except OSError as error:
            raise BadFrame(f"{found.path.name} cannot be read: {error.strerror}") from error
        if label != found.label:
            raise BadFrame(f"{found.path.name} was replaced by another file")
        return body

    # ------------------------------------------------------------------ writing

    def write(self, label: Label, body: bytes) -> Found:
        """Add a file, whole and durable, or nothing: `DiskFull`, `FolderReadOnly`, ..."""
        data = compose(label, body)
        folder = self.path / f"{_PREFIX}{label.writer}"
        path = folder / file_name(label)
        draft = folder / f".{label.number:012x}-{label.token}.new"
        try:
            if not folder.is_dir():
                folder.mkdir()
                sync_folder(self.path)
            try:
                _write(draft, data)
                os.replace(draft, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    draft.unlink()
                raise
            sync_folder(folder)
        except OSError as error:
            raise os_error(error, f"cannot write to the folder {folder}") from error
        return Found(path, len(data), label)

    def remove(self, found: Found) -> None:
        """Remove a file of one's own; it may be gone already."""
        try:
            found.path.unlink(missing_ok=True)
        except OSError as error:
            raise os_error(error, f"cannot remove {found.path}") from error

    def tidy(self, writer: str) -> None:
        """Remove what a crash left behind of one's own files that never got their names."""
        folder = self.path / f"{_PREFIX}{writer}"
        if folder.is_dir():
            for name in _listed(folder):
                if name.startswith(".") and name.endswith(".new"):
                    with contextlib.suppress(OSError):
                        (folder / name).unlink()


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise os_error(error, f"cannot list the folder {folder}") from error


def _is_ours(name: str) -> bool:
    """Whether a name may be one of our files or a carrier's copy of one; drafts are hidden."""
    return _SUFFIX in name.lower() and not name.startswith((".", "~"))


def _read(path: Path) -> bytes:
    """A regular file's bytes, never those behind a link, and never more than the limit."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise BadFrame(f"longer than {FILE_BYTES_MAX} bytes")
    return data


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def file_name(label: Label) -> str:
    """What a file is called in its writer's folder."""
    return f"{label.number:012x}-{label.token}-{label.kind}{_SUFFIX}"


def compose(label: Label, body: bytes) -> bytes:
    """The bytes of a file. Raises a `StorageError` if they are too many."""
    front = encode(label)
    digest = hashlib.blake2b(front + body, digest_size=16).digest()
    data = _FRONT.pack(_MAGIC, digest, len(front), len(body)) + front + body
    if len(data) > FILE_BYTES_MAX:
        raise os_error(OSError(errno.EFBIG, "too long"), f"a file of {len(data)} bytes")
    return data


def parse(data: bytes) -> tuple[Label, bytes]:
    """Label and body of a file's bytes; raises `BadFrame`."""
    if len(data) < _FRONT.size:
        raise BadFrame("cut short")
    magic, digest, label_bytes, body_bytes = _FRONT.unpack_from(data)
    if magic != _MAGIC:
        raise BadFrame("not a file of this format")
    contents = memoryview(data)[_FRONT.size :]
    if len(contents) != label_bytes + body_bytes:
        missing = label_bytes + body_bytes - len(contents)
        raise BadFrame("cut short" if missing > 0 else "longer than it says")
    if hashlib.blake2b(contents, digest_size=16).digest() != digest:
        raise BadFrame("damaged")
    try:
        label = _label_decoder.decode(contents[:label_bytes])
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"no label: {error}") from None
    return checked_label(label), bytes(contents[label_bytes:])


def checked_label(label: Label) -> Label:
    """`label`; raises `BadFrame` if no writer can have made it. File names are made of labels."""
    digits = set("0123456789abcdef")
    for text, length in ((label.writer, 16), (label.token, 8)):
        if len(text) != length or not set(text) <= digits:
            raise BadFrame("a label that cannot be")
    if not 0 <= label.number < 1 << 48:
        raise BadFrame("a label that cannot be")
    if not (0 < len(label.kind) <= KIND_MAX and label.kind.isascii() and label.kind.isalpha()):
        raise BadFrame("a label that cannot be")
    return label
