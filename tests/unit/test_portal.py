import asyncio
import contextlib
import signal
import threading

import pytest

from plait.base.errors import Busy, Closed, Unavailable, WrongThread
from plait.host.portal import Portal

WAIT_S = 10


@pytest.fixture(autouse=True)
def interrupts():
    """SIGINT is KeyboardInterrupt, also where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Held:
    """A context manager that notes the task and loop of its entry and exit."""

    def __init__(self, fail_on_enter=None, fail_on_exit=None):
        self.fail_on_enter, self.fail_on_exit = fail_on_enter, fail_on_exit
        self.tasks = []
        self.left = threading.Event()

    @contextlib.asynccontextmanager
    async def open(self):
        self.tasks.append(asyncio.current_task())
        if self.fail_on_enter:
            raise self.fail_on_enter
        try:
            yield "held"
        finally:
            self.tasks.append(asyncio.current_task())
            self.left.set()
        if self.fail_on_exit:
            raise self.fail_on_exit


def interrupt_main():
    """What Ctrl-C does, while the main thread waits."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


async def thread():
    return threading.current_thread()


def test_a_portal_holds_what_it_opened_and_runs_calls_beside_it():
    held = Held()
    portal = Portal(held.open, "test")
    assert portal.held == "held"
    running = portal.call(thread())
    assert running is not threading.current_thread()
    assert running.daemon
    assert portal.call_plain(threading.current_thread) is running
    portal.close()
    portal.close()
    assert not running.is_alive()
    assert held.tasks[0] is held.tasks[1]


def test_errors_come_to_the_caller():
    with pytest.raises(Busy):
        Portal(Held(fail_on_enter=Busy("in use")).open, "test")
    portal = Portal(Held(fail_on_exit=Busy("stuck")).open, "test")

    async def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        portal.call(fail())
    with pytest.raises(Busy):
        portal.close()


def test_a_closed_portal_says_so():
    portal = Portal(Held().open, "test")
    portal.close()
    with pytest.raises(Closed):
        portal.call(thread())
    with pytest.raises(Closed):
        portal.call_plain(print)


def test_a_call_that_the_end_overtakes_may_have_happened():
    portal = Portal(Held().open, "test")
    started = threading.Event()
    errors = []

    async def wait():
        started.set()
        await asyncio.Event().wait()

    def caller():
        try:
            portal.call(wait())
        except Unavailable as error:
            errors.append(error.definite)

    waiting = threading.Thread(target=caller)
    waiting.start()
    assert started.wait(WAIT_S)
    portal.close()
    waiting.join(WAIT_S)
    assert errors == [False]


def test_a_call_on_the_portal_s_own_thread_is_refused():
    portal = Portal(Held().open, "test")

    async def inside():
        with pytest.raises(WrongThread):
            portal.call(thread())
        with pytest.raises(WrongThread):
            portal.close()

    portal.call(inside())
    portal.close()


def test_an_interrupt_cancels_what_it_interrupts_and_nothing_else():
    portal = Portal(Held().open, "test")
    cancelled = threading.Event()

    async def wait():
        try:
            interrupt_main()
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(KeyboardInterrupt):
        portal.call(wait())
    assert cancelled.wait(WAIT_S)
    assert portal.call(thread()).is_alive()
    portal.close()


def test_an_interrupt_right_after_the_start_cancels_what_was_started(monkeypatch):
    portal = Portal(Held().open, "test")
    began, cancelled, ended_on = threading.Event(), threading.Event(), []
    start = asyncio.run_coroutine_threadsafe

    async def wait():
        try:
            began.set()
            threading.Event().wait(0.1)  # it runs when the interrupt comes
            await asyncio.Event().wait()
        finally:
            ended_on.append(threading.current_thread())
            cancelled.set()

    def interrupted(coroutine, loop):
        start(coroutine, loop)
        assert began.wait(WAIT_S)
        raise KeyboardInterrupt

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        portal.call(wait())
    assert cancelled.wait(WAIT_S)
    monkeypatch.undo()
    assert ended_on == [portal.call(thread())]
    portal.close()


def test_an_interrupted_opening_is_given_up():
    left = threading.Event()

    @contextlib.asynccontextmanager
    async def slow():
        try:
            interrupt_main()
            await asyncio.Event().wait()
            yield
        finally:
            left.set()

    with pytest.raises(KeyboardInterrupt):
        Portal(slow, "test")
    assert left.wait(WAIT_S)
