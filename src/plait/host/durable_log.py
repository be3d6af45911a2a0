"""The log as its committing thread sees it: commits, their failures, and the way back.

A group of writes is one frame, written durably by one call at the end of the newest segment. A
segment that is full is followed by one that was laid out meanwhile; it begins with a manifest.

A commit that fails may leave a frame that was never acknowledged, yet that is good. So a failure
*poisons* the log: every later group fails with the same error, the segment is cut off behind its
last acknowledged frame at once, and nothing is ever tried again as if it might have worked.
`recover` makes sure that the cut is durable and begins a new segment, which takes space and a
disk that syncs, and only then lets writes in.

A failed write also makes the log *suspect*, in this run and, by a file in the folder, in later
ones, until `recover` succeeds; a full disk does not, for nothing was lost. So does damage found
when the log is opened (see `log_opening`), and that no `recover` mends: somebody who can refetch
what may be missing calls `trust` first.

Invariant: `poison` is set whenever what is on disk may not be what was acknowledged. `catalog`
changes only under `lock`, after what changed it is durable. Absent: threads that commit
(`Committer` brings one) and the loop.
"""

import contextlib
import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from plait.base.codec import encode
from plait.base.errors import Corrupt, DiskFull, FolderReadOnly, PlaitError, StorageError
from plait.base.ports import LineExtent, LogWrite
from plait.host.disk import Disk
from plait.host.folder import Folder, os_error
from plait.host.log_catalog import UNMEASURED, Catalog, SegmentNote
from plait.host.log_frames import FRAME_BYTES_MAX, HEADER_BYTES, SALT_BYTES, seal_frame
from plait.host.log_mark import Mark
from plait.host.log_opening import Found, find_log
from plait.host.log_reader import LogReader
from plait.host.log_records import encode_manifest, encode_records
from plait.host.relocation import Relocator
from plait.host.segments import Segments

SEGMENT_BYTES_MIN = 256 << 10  # of the first segment; each is twice as long as the one before
SEGMENT_BYTES_MAX = 8 << 20
_SPARE_BYTES = 64 << 10  # a segment ends so much before what was laid out
_PROBE_BYTES = 64 << 10  # what must fit before a full disk counts as freed


class Outcome(msgspec.Struct, frozen=True):
    """What came of one group: the lines that it changed, or why none did."""

    changed: dict[str, LineExtent]
    error: PlaitError | None = None


class DurableLog:
    """The log of one folder. After opening, methods belong to the committing thread.

    `catalog` and `reader` may be used by others who hold `lock`.
    """

    def __init__(self, folder: Folder, disk: Disk) -> None:
        self.poison: PlaitError | None = None  # why nothing can be written
        self.suspicion: str | None = None  # why acknowledged entries may be missing
        self.lock = threading.Lock()
        self._folder = folder
        self._disk = disk
        self._file = -1  # of the segment being written
        self._segments = Segments(folder.log, disk)
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="plait-segments")
        self._following: tuple[int, Future[int]] | None = None  # a segment being laid out
        self._mark: Mark | None = None
        try:
            folder.log.mkdir(exist_ok=True)
            self._mark = Mark(folder.mark)
            self._open(self._mark)
        except OSError as error:
            self.close()
            raise os_error(error, f"cannot open the log {folder.log}") from error
        except BaseException:
            self.close()
            raise

    # ------------------------------------------------------------------------- opening

    def _open(self, mark: Mark) -> None:
        folder = self._folder
        found = self._find(mark)
        self.catalog = found.catalog if found is not None else Catalog()
        self.reader = LogReader(self._segments)
        self._relocator = Relocator(self.catalog, self.reader)
        if found is None:
            self._salt = secrets.token_bytes(SALT_BYTES)
            self._number, self._sequence, self._link, self._end = 0, 1, 0, 0
            self._size = SEGMENT_BYTES_MIN // 2
            self._begin_segment(1)
            folder.set_complete()
            return
        self._salt, self._link = found.last.salt, found.last.link
        self._number, self._sequence, self._end = found.number, found.sequence_next, found.last.end
        self._measure_rescued()
        reason = folder.read_suspicion()
        if reason is None:
            reason = found.damage or self._bad_end()
            if reason is not None:
                folder.write_suspicion(reason)
        if reason is not None:
            self._suspect(reason)
            self._set_size(SEGMENT_BYTES_MIN, found.first.end)
            return
        self._file = self._segments.open(found.number)
        self._settle(found)
        self._tidy(found)
        folder.set_complete()

    def _find(self, mark: Mark) -> Found | None:
        complete = self._folder.complete
        try:
            found = find_log(self._segments, mark.read())
        except Corrupt:
            # A folder that was never complete has a first segment that was never begun.
            if complete or self._segments.numbers() != [1]:
                raise
            found = None
        if found is None and complete:
            raise Corrupt(f"the log {self._folder.log} is missing, but its folder is not new")
        return found

    def _settle(self, found: Found) -> None:
        """Write the last frame again: nobody may be told of what is only in the system's memory.

        Whoever wrote it may have been killed before its sync, or the sync may have failed, after
        which a mere sync would find nothing to write. The frames before it were synced.
        """
        start, count = found.last.start, found.last.end - found.last.start
        self._disk.write(self._file, os.pread(self._file, count, start), start)
        assert self._mark is not None
        self._mark.write(self._salt, found.last.sequence)

    def _tidy(self, found: Found) -> None:
        """Make the end of a good log what a running one leaves: zeros and nothing else."""
        size = os.fstat(self._file).st_size
        self._set_size(min(max(size, SEGMENT_BYTES_MIN), SEGMENT_BYTES_MAX), found.first.end)
        if found.torn:
            self._disk.fill(self._file, self._end, size)
        needed = {found.number, *self.catalog.segments}
        needed.difference_update(self.catalog.forget_dead_segments())
        for number in self._segments.numbers():
            if number not in needed:
                self._segments.remove(number)

    def _suspect(self, reason: str) -> None:
        self.suspicion = reason
        self.poison = Corrupt(f"the log of {self._folder.path} is suspect: {reason}")

    def _bad_end(self) -> str | None:
        """Why the last row of some line is not what it was; an extent that ends in nothing is."""
        for line, extent in self.catalog.extents.items():
            if extent.head < extent.tail:
                index = self.catalog.indexes[line]
                try:
                    self.reader.rows(line, index, extent.tail - 1, extent.tail, 1)
                except (Corrupt, OSError) as error:
                    return f"line {line!r} lacks its last row: {error}"
        return None

    # ------------------------------------------------------------------------- committing

    def commit(self, writes: Iterable[LogWrite]) -> Outcome:
        """Make all writes durable, or none and poison the log."""
        if self.poison is not None:
            return Outcome({}, self.poison)
        try:
            if self._end > self._full:
                self._begin_segment(self._number + 1)
            changed = self._append(writes)
        except Exception as error:  # a mistake of ours, too, must not end the thread
            return Outcome({}, self.fail(error))
        return Outcome(changed)

    def _append(self, writes: Iterable[LogWrite]) -> dict[str, LineExtent]:
        with self.lock:
            relocation = self._relocator.next()
        body, records = encode_records(writes, relocation, self._end + HEADER_BYTES)
        if len(body) > FRAME_BYTES_MAX:
            raise StorageError(f"a group of {len(body)} bytes is more than one commit can take")
        self._write_frame(self._file, self._end, body)
        with self.lock:
            changed = self.catalog.apply(records, self._number)
            self._measure_rescued()
        self._end += HEADER_BYTES + len(body)
        if self.catalog.shrunk:
            self._collect()
        if self._following is None and self._end > self._size // 2:
            self._lay_out_following()
        return changed

    def _lay_out_following(self) -> None:
        number, size = self._number + 1, self._next_size()
        future = self._aside.submit(self._segments.create, number, size, _PROBE_BYTES)
        self._following = (number, future)

    def _write_frame(self, file: int, offset: int, body: bytes) -> None:
        header, link = seal_frame(self._salt, self._sequence, self._link, body)
        self._disk.write(file, header + body, offset)
        assert self._mark is not None
        self._mark.write(self._salt, self._sequence)
        self._sequence, self._link = self._sequence + 1, link

    def _next_size(self) -> int:
        return min(2 * self._size, SEGMENT_BYTES_MAX)

    def _set_size(self, size: int, manifest_end: int) -> None:
        self._size = size
        # A manifest that nearly fills its segment must not call for the next one at once.
        self._full = max(size - _SPARE_BYTES, 2 * manifest_end)

    def _begin_segment(self, number: int) -> None:
        """Go on in a new segment, which begins with a manifest."""
        size = self._next_size()
        if self._following is not None and self._following[0] == number:
            (_, future), self._following = self._following, None
            file = future.result()
        else:
            file = self._segments.create(number, size, _PROBE_BYTES)
        try:
            ended = SegmentNote(self._number, self._end, number) if self._number else None
            manifest = self.catalog.manifest(number, ended)
            body = encode_manifest(encode(manifest))
            self._write_frame(file, 0, body)
        except BaseException:
            os.close(file)
            with contextlib.suppress(OSError):
                self._segments.remove(number)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self._number = file, number
        self._end = HEADER_BYTES + len(body)
        self._set_size(size, self._end)
        with self.lock:
            self.catalog.segments = {note.number: note for note in manifest.segments}
        self._collect()

    def _collect(self) -> None:
        """Delete what nobody needs any more, aside, and see what else could go."""
        with self.lock:
            dead = self.catalog.forget_dead_segments()
            for number in dead:
                self._segments.forget(number)
            self._relocator.choose()
        for number in dead:
            self._aside.submit(self._segments.remove, number)

    def _measure_rescued(self) -> None:
        for number, (suffix, index) in self.catalog.rescued.items():
            if suffix.size == UNMEASURED:
                self.catalog.rescued[number] = (self.reader.measured(suffix, index), index)

    # ------------------------------------------------------------------------- failing

    def fail(self, error: BaseException) -> PlaitError:
        """Poison the log because of `error`; what the waiting writers are told."""
        if self.poison is not None:
            return self.poison
        self.poison = raised = _as_ours(error, "cannot write the log")
        if not isinstance(raised, DiskFull | FolderReadOnly):
            self._declare(f"a write failed: {raised}")
        try:
            self._cut_failed_frame()
        except OSError as cut_error:
            self._declare(f"a failed commit may still be in the log: {cut_error}")
        return raised

    def _declare(self, reason: str) -> None:
        self.suspicion = reason
        # The disk that failed is the one that we would note it on.
        with contextlib.suppress(OSError):
            self._folder.write_suspicion(reason)

    def _cut_failed_frame(self) -> None:
        """Leave nothing behind the last acknowledged frame."""
        os.ftruncate(self._file, self._end)
        self._disk.sync(self._file)

    def recover(self) -> PlaitError | None:
        """Leave poison behind if the disk is well; else why not."""
        if self.poison is None or isinstance(self.poison, Corrupt):
            return self.poison
        try:
            self._cut_failed_frame()
            self._begin_segment(self._number + 1)
            self._folder.write_suspicion(None)
        except (PlaitError, OSError) as error:
            self.poison = _as_ours(error, "the log is still not writable")
            return self.poison
        self.poison = self.suspicion = None
        return None

    def trust(self, writes: Sequence[LogWrite]) -> Outcome:
        """Go on with a suspect log once `writes` say how: the caller refetches what may be missing.

        The mark of suspicion is removed only when they are durable. The log as it was found stays
        in the folder, for people.
        """
        if self.suspicion is None:
            return self.commit(writes)
        try:
            self._keep_evidence()
            self._drop_following()
            self._begin_segment(self._segments.numbers()[-1] + 1)
            self.poison = None
            outcome = self.commit(writes)
            if outcome.error is None:
                self._folder.write_suspicion(None)
        except (PlaitError, OSError) as error:
            outcome = Outcome({}, _as_ours(error, "cannot go on with the suspect log"))
        if outcome.error is None:
            self.suspicion = None
        else:
            self._suspect(self.suspicion)  # whatever became of the disk, the writes are missing
        return outcome

    def _drop_following(self) -> None:
        following, self._following = self._following, None
        if following is not None and following[1].exception() is None:
            os.close(following[1].result())

    def _keep_evidence(self) -> None:
        kept = self._folder.path / "suspect-log"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self._folder.log, kept, copy_function=_link)

    # ------------------------------------------------------------------------- closing

    def close(self) -> None:
        """Give everything back; what is synced is all there is."""
        self._aside.shutdown()
        self._drop_following()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._segments.close()
        if self._mark is not None:
            self._mark.close()


def _as_ours(error: BaseException, what: str) -> PlaitError:
    if isinstance(error, PlaitError):
        return error
    if isinstance(error, OSError):
        return os_error(error, what)
    return StorageError(f"{what}: {type(error).__name__}: {error}")


def _link(source: str, target: str) -> None:
    """Segments that are no longer written to need no copy where the file system has links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
