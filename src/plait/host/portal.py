"""A portal: an event loop in a thread of its own, that other threads send work to.

It holds what one async context manager gives, from entry to exit in one task, so that whatever
that needs of its task holds. `call` runs a coroutine there and waits for it.

Invariant: a call ends with its coroutine, whatever interrupts the caller: an interrupted call
cancels what it waits for, and one that the portal's end overtakes says that it may have happened.

The thread is a daemon: an interpreter that ends closes what is left open, but does not wait for
a user who forgot to.
"""

import asyncio
import atexit
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from plait.base.errors import Closed, Unavailable, WrongThread

T = TypeVar("T")
R = TypeVar("R")


class Portal(Generic[T]):
    """Opens what `make` gives, on its own loop; `held` is that. Raises what opening raises."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]], name: str) -> None:
        self._make = make
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._end = asyncio.Event()
        self._opened: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._failed_to_close: BaseException | None = None
        self._closed = False
        self.own = threading.local()  # what each calling thread keeps for itself
        self._abandoned = False  # the opener was interrupted and will never close this
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        try:
            self._thread.start()  # waits for the thread, so it too can be interrupted
            self.held: T = self._opened.result()
        except BaseException:
            self._abandon()
            raise
        atexit.register(self._close_at_exit)

    def call(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """What `coroutine` returns or raises, run on the portal's loop.

        Raises `Closed` after the end, `Unavailable` if the end came first, and `WrongThread` on
        the portal's own thread, which would wait for itself.
        """
        begun: list[asyncio.Task[Any] | None] = []

        async def run() -> R:
            begun.append(asyncio.current_task())
            return await coroutine

        running = run()
        try:
            self._check()
            assert self._loop is not None, "opening told the loop"
            future = asyncio.run_coroutine_threadsafe(running, self._loop)
        except BaseException as error:
            with contextlib.suppress(ValueError):  # it begins just now
                if not begun:
                    running.close()
                    coroutine.close()
            if begun and begun[0] is not None and self._loop is not None:
                # an interrupt came between its start and the future by which it is cancelled
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(begun[0].cancel)
            if isinstance(error, RuntimeError):  # the loop was closed meanwhile
                raise Closed("the store was closed") from None
            raise
        try:
            return self._wait(future)
        except BaseException:
            future.cancel()
            raise

    def call_plain(self, function: Callable[..., R], *arguments: Any, **options: Any) -> R:
        """What a plain function returns or raises, called on the portal's loop."""

        async def call() -> R:
            return function(*arguments, **options)

        return self.call(call())

    def close(self) -> None:
        """Leave the context manager and end the thread. Idempotent; raises what leaving raises."""
        if threading.current_thread() is self._thread:
            raise WrongThread("a portal cannot be closed from its own thread")
        self._closed = True
        atexit.unregister(self._close_at_exit)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        error, self._failed_to_close = self._failed_to_close, None
        if error is not None:
            raise error

    # ------------------------------------------------------------------ the caller's thread

    def _check(self) -> None:
        if threading.current_thread() is self._thread:
            raise WrongThread("a blocking call on the loop that would have to answer it")
        if self._closed:
            raise Closed("the store was closed")

    def _wait(self, future: "concurrent.futures.Future[R]") -> R:
        try:
            return future.result()
        except (concurrent.futures.CancelledError, asyncio.CancelledError):
            raise Unavailable("the store was closed before the answer came") from None

    def _abandon(self) -> None:
        self._abandoned = True
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)

    def _close_at_exit(self) -> None:
        with contextlib.suppress(Exception):  # nobody is left to tell
            self.close()

    # ------------------------------------------------------------------ the portal's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            if not self._opened.done():
                self._opened.set_exception(error)
            else:
                self._failed_to_close = error
        finally:
            self._closed = True

    async def _live(self) -> None:
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        if self._abandoned:  # before there was a task to cancel
            return
        async with self._make() as held:
            self._opened.set_result(held)
            await self._end.wait()
