"""The thread that empties the log's write-ahead log, beside the one that fills it.

SQLite would checkpoint inside a commit: one writer in a thousand waits for megabytes. Here a
second connection copies frames into the database while commits go on, pass after pass, until
few are left; only those few, and the decision to start the WAL over, need the writer, between
two groups.

Invariant: a WAL that passes `WAKE_FRAMES` is being emptied; one that passes `FRAMES_MAX` is
emptied by the writer itself, at the cost of its latency, so it stays bounded.
"""

import contextlib
import queue
import threading
from collections.abc import Callable

import apsw

WAKE_FRAMES = 2_000  # 8 MB
FRAMES_MAX = 32_000  # 128 MB
_LEFT_FRAMES = 200
_PASSES_MAX = 8


class Checkpointer:
    """Copies frames in the background, then calls `finish`; `failed` gets what SQLite raised.

    Both are called on the background thread.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        finish: Callable[[], None],
        failed: Callable[[apsw.Error], None],
    ) -> None:
        self._connection = connection
        self._finish = finish
        self._failed = failed
        self._queue: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="plait-checkpoint", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Begin a round."""
        self._queue.put(True)

    def close(self) -> None:
        """End the thread and close its connection; blocks until a round under way is over."""
        self._queue.put(False)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while self._queue.get():
            try:
                self._round()
            except apsw.Error as error:
                self._failed(error)
            else:
                self._finish()

    def _round(self) -> None:
        for _ in range(_PASSES_MAX):
            frames, copied = 0, 0
            with contextlib.suppress(apsw.BusyError):  # the writer is at it itself
                frames, copied = self._connection.wal_checkpoint(
                    mode=apsw.SQLITE_CHECKPOINT_PASSIVE
                )
            if frames - copied < _LEFT_FRAMES:
                return
